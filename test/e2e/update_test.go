//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// publishEvery is the pace of a load that all clients get, so that they get about 600 messages a
// second together.
func publishEvery(clients int) time.Duration { return time.Duration(clients) * time.Second / 600 }

// testUpdate replaces gateways of an earlier commit by today's while a program publishes and
// clients chat, by websocket and by polling: each client is sent away once, is recovered, and gets
// what was published, once and in order. Meanwhile gateways of both releases serve the same rooms,
// read the same log, and take over each other's sessions.
func testUpdate(t *testing.T) {
	const gateways = 3
	chatters := clientCount(t, 12)
	previous := setting(t, "PREVIOUS_IMAGE")
	today := edit(t, withReplicas(t, sample(t, "chat"), gateways), map[string]any{
		"spec.recovery":           map[string]any{"maxDisconnection": "2m"},
		"spec.api.tokenSecretRef": map[string]any{"name": "publishers"},
	})
	namespace := newNamespace(t, "update")
	kubectl(t, "--namespace", namespace, "create", "secret", "generic", "publishers", "--from-literal=token=an-end-to-end-token")
	s := apply(t, namespace, edit(t, today, map[string]any{"spec.gateway.image": previous}))
	eventually(t, 60*time.Second, "all gateways are ready", func() error { return want("gateways", len(s.pods()), gateways) })
	old := s.pods()
	if images := s.images(old); images != previous {
		t.Fatalf("the gateways are of %q, want %q", images, previous)
	}
	c := startClients(t)
	names, ids := s.chatters(c, chatters)
	api := s.publishURL()
	start := c.mark()

	s.apply(today)
	pace := time.NewTicker(publishEvery(chatters))
	defer pace.Stop()
	published := 0
	for limit := time.Now().Add(3 * time.Minute); published%20 != 0 || !s.replaced(old, gateways); published++ {
		if time.Now().After(limit) {
			t.Fatalf("the gateways were %v and are %v", old, s.pods())
		}
		<-pace.C
		publishOnce(t, api, published)
	}
	if images := s.images(s.pods()); images != setting(t, "IMAGE") {
		t.Fatalf("the gateways are of %q, want %q", images, setting(t, "IMAGE"))
	}
	for _, name := range names { // those told last may be on their way back
		c.waitSince(start, name, "connect", 20*time.Second, anything)
	}
	publishOnce(t, api, published)

	for _, name := range names {
		c.waitSince(start, name, "numbered", 20*time.Second, func(args []any) bool { return args[0] == float64(published) })
		if n := c.countOf(start, name, "connect"); n != 1 {
			t.Errorf("%s reconnected %d times, want once", name, n)
		}
		if args := c.waitSince(start, name, "connect", time.Second, anything); args[0] != ids[name] {
			t.Errorf("%s was %s and has become %v: it was not recovered", name, ids[name], args[0])
		}
	}
	checkNumbers(t, c.since(start, "numbered"), names, published)
	t.Logf("%d messages to each of %d clients", published+1, chatters)
}

// images are those of pods, without repetition.
func (s *service) images(pods []string) string {
	s.t.Helper()
	distinct := map[string]bool{}
	for _, pod := range pods {
		distinct[s.kubectl("get", "pod/"+pod, "--output=jsonpath={.spec.containers[0].image}")] = true
	}
	var all []string
	for image := range distinct {
		all = append(all, image)
	}
	return strings.Join(all, ", ")
}

// publishURL is where programs publish to the main namespace.
func (s *service) publishURL() string {
	s.t.Helper()
	return s.kubectl("get", "service/"+s.name+"-api", "--output=jsonpath=http://{.spec.clusterIP}:{.spec.ports[0].port}/v1/namespaces/%2F/emit")
}

// publishOnce publishes a number until that is taken, and returns the number of the attempt, which
// goes out with it: one that was taken, and whose answer was lost with its gateway, or that was not
// stored in time, may arrive too.
func publishOnce(t *testing.T, url string, number int) (taken int) {
	t.Helper()
	pause := time.NewTicker(pollEvery)
	defer pause.Stop()
	limit := time.Now().Add(60 * time.Second)
	for attempt := 1; ; attempt++ {
		err := tryPublish(url, fmt.Sprintf(`{"event":"numbered","args":[%d,%d]}`, number, attempt))
		if err == nil {
			return attempt
		}
		if time.Now().After(limit) {
			t.Fatalf("number %d is not taken: %v", number, err)
		}
		<-pause.C
	}
}

// checkNumbers wants each client to have got each number up to the last, none twice and in order.
func checkNumbers(t *testing.T, seen []clientEvent, names []string, last int) {
	t.Helper()
	next, attempts := map[string]float64{}, map[string]bool{}
	for _, e := range seen {
		number, _ := e.Args[0].(float64)
		attempt := fmt.Sprint(e.Client, e.Args[:2])
		switch {
		case attempts[attempt]:
			t.Errorf("%s got %v twice", e.Client, e.Args[:2])
		case number == next[e.Client]:
			next[e.Client]++
		case number != next[e.Client]-1: // another attempt at the last
			t.Errorf("%s got %v, want %v", e.Client, e.Args[:2], next[e.Client])
			next[e.Client] = number + 1
		}
		attempts[attempt] = true
	}
	for _, name := range names {
		if next[name] != float64(last+1) {
			t.Errorf("%s got %v messages, want %d", name, next[name], last+1)
		}
	}
}

func tryPublish(url, document string) error {
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(document))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer an-end-to-end-token")
	r.Close = true // the next one may go to another gateway
	resp, err := (&http.Client{Timeout: 10 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	resp.Body.Close()
	return want("status", resp.StatusCode, http.StatusOK)
}
