//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// testRollout has clients chat through the Service while all gateways are replaced, since the pod
// template has changed or somebody restarts them: each client is sent away once, takes up where it
// was, and gets each message that anybody gets, once.
func testRollout(t *testing.T) {
	t.Run("by a changed template", func(t *testing.T) {
		rollOut(t, "rollout", func(s *service, manifest string) {
			s.apply(edit(t, manifest, map[string]any{
				"spec.gateway.resources": map[string]any{"requests": map[string]any{"cpu": "11m", "memory": "33Mi"}},
			}))
		})
	})
	t.Run("by kubectl rollout restart", func(t *testing.T) {
		rollOut(t, "restart", func(s *service, _ string) { s.kubectl("rollout", "restart", "deployment/"+s.name+"-gateway") })
	})
}

func rollOut(t *testing.T, namespace string, begin func(s *service, manifest string)) {
	t.Helper()
	const gateways = 3
	chatters := clientCount(t, 12)
	manifest := edit(t, withReplicas(t, sample(t, "chat"), gateways), map[string]any{
		"spec.recovery": map[string]any{"maxDisconnection": "2m"},
	})
	s := apply(t, newNamespace(t, namespace), manifest)
	eventually(t, 60*time.Second, "all gateways are ready", func() error { return want("gateways", len(s.pods()), gateways) })
	old := s.pods()
	c := startClients(t)
	names, ids := s.chatters(c, chatters)
	talkers := names[:talkerCount(chatters)]
	start := c.mark()

	begin(s, manifest)
	said := 0
	for limit := time.Now().Add(3 * time.Minute); !s.replaced(old, gateways); said += len(talkers) {
		if time.Now().After(limit) {
			t.Fatalf("the gateways were %v and are %v", old, s.pods())
		}
		for i, name := range talkers {
			c.emit(name, "chatMessage", fmt.Sprintf("message %d.", said+i))
		}
	}
	// Those told last may be on their way back.
	for _, name := range names {
		c.waitSince(start, name, "connect", 20*time.Second, anything)
	}
	for _, name := range talkers {
		c.emit(name, "chatMessage", "goodbye from "+name)
	}
	for _, name := range names {
		for _, from := range talkers {
			c.waitSince(start, name, "newMessage", 20*time.Second, func(args []any) bool { return text(args) == "goodbye from "+from })
		}
	}

	heard := c.heard(start)
	all := len(heard[names[0]])
	for _, name := range names {
		if n := c.countOf(start, name, "connect"); n != 1 {
			t.Errorf("%s reconnected %d times, want once", name, n)
		}
		if args := c.waitSince(start, name, "connect", time.Second, anything); args[0] != ids[name] {
			t.Errorf("%s was %s and has become %v: it was not recovered", name, ids[name], args[0])
		}
		if got := slices.Compact(slices.Sorted(slices.Values(heard[name]))); len(got) != len(heard[name]) {
			t.Errorf("%s got %d messages, of which %d differ", name, len(heard[name]), len(got))
		}
		if !slices.Equal(slices.Sorted(slices.Values(heard[name])), slices.Sorted(slices.Values(heard[names[0]]))) {
			t.Errorf("%s got %d messages, and %s got %d others", name, len(heard[name]), names[0], all)
		}
	}
	t.Logf("%d messages said, %d heard by each of %d clients; %d handshakes refused", said+len(talkers), all, chatters, c.count(start, "connect_error"))
}

// chatters connects clients through the Service, every third by polling alone, and returns their
// names and the ids of their sockets.
func (s *service) chatters(c *clients, count int) (names []string, ids map[string]string) {
	s.t.Helper()
	ids = map[string]string{}
	url := s.url()
	for i := range count {
		name := fmt.Sprintf("client-%d", i)
		if i%3 == 0 {
			c.poll(name, url)
		} else {
			c.connect(name, url)
		}
		ids[name], _ = c.wait(name, "connect", 20*time.Second, anything)[0].(string)
		names = append(names, name)
	}
	for _, name := range names[:talkerCount(count)] {
		c.emit(name, "join", name)
		c.wait(name, "systemMessage", 20*time.Second, says(name))
	}
	return names, ids
}

// clientCount is how many clients a test of replaced gateways has: E2E_CLIENTS, or few.
func clientCount(t *testing.T, few int) int {
	t.Helper()
	count, err := strconv.Atoi(cmp.Or(os.Getenv("E2E_CLIENTS"), strconv.Itoa(few)))
	if err != nil {
		t.Fatalf("E2E_CLIENTS: %v", err)
	}
	return count
}

// talkerCount is how many of so many clients talk: what is heard, by all of them, is about the same
// however many they are.
func talkerCount(clients int) int { return max(1, min(clients, 144/clients)) }

// replaced reports whether as many other gateways are ready and nothing of the old ones is left.
func (s *service) replaced(old []string, gateways int) bool {
	s.t.Helper()
	now := s.pods()
	if len(now) != gateways || slices.ContainsFunc(now, func(pod string) bool { return slices.Contains(old, pod) }) {
		return false
	}
	left := s.kubectl(append([]string{"get", "--ignore-not-found", "--output=name", "pods"}, old...)...)
	return left == ""
}
