//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// says fits events whose first argument is a text that contains each of the parts.
func says(parts ...string) func(args []any) bool {
	return func(args []any) bool {
		if len(args) == 0 {
			return false
		}
		text, _ := args[0].(string)
		for _, part := range parts {
			if !strings.Contains(text, part) {
				return false
			}
		}
		return true
	}
}

func testChatAcrossGateways(t *testing.T) {
	s := apply(t, newNamespace(t, "across"), withReplicas(t, sample(t, "chat"), 2))
	c := startClients(t)
	on := s.connectTo(2, c)
	pods := slices.Sorted(maps.Keys(on))
	ada, bob := on[pods[0]], on[pods[1]]

	c.emit(ada, "join", "Ada")
	c.wait(bob, "systemMessage", 5*time.Second, says("Ada", "加入了聊天室"))
	c.emit(bob, "join", "Bob")
	c.wait(ada, "systemMessage", 5*time.Second, says("Bob", "加入了聊天室"))

	c.emit(bob, "chatMessage", "<你好> & hello")
	message := c.wait(ada, "newMessage", 5*time.Second, anything)[0].(map[string]any)
	if message["username"] != "Bob" || message["message"] != "<你好> & hello" {
		t.Errorf("Ada received %v", message)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", fmt.Sprint(message["timestamp"])); err != nil {
		t.Errorf("the timestamp is not what JavaScript writes: %v", err)
	}

	total := 0
	for _, count := range s.connections() {
		total += count
	}
	eventually(t, 30*time.Second, fmt.Sprintf("status counts %d connections", total), func() error {
		return want("status.connections", s.number(".status.connections"), total)
	})

	c.close(ada)
	c.wait(bob, "systemMessage", 5*time.Second, says("Ada", "离开了聊天室"))
}

func testChangedGreeting(t *testing.T) {
	manifest := withReplicas(t, sample(t, "chat"), 2)
	s := apply(t, newNamespace(t, "greeting"), manifest)
	c := startClients(t)
	on := s.connectTo(2, c)
	pods := s.pods()
	mark := c.mark()

	const oldGreeting, newGreeting = "加入了聊天室", "is here"
	changed := strings.ReplaceAll(manifest, oldGreeting, newGreeting)
	if changed == manifest {
		t.Fatalf("the sample does not greet with %s", oldGreeting)
	}
	applied := time.Now()
	s.apply(changed)

	for pod, client := range on {
		attempt := 0
		eventually(t, 5*time.Second-time.Since(applied), pod+" greets anew", func() error {
			attempt++
			name, asked := fmt.Sprintf("%s, attempt %d,", client, attempt), c.mark()
			c.emit(client, "join", name)
			greeting := c.waitSince(asked, client, "systemMessage", 5*time.Second, says(name))[0].(string)
			if !strings.Contains(greeting, newGreeting) {
				return fmt.Errorf("it says %q", greeting)
			}
			return nil
		})
	}
	t.Logf("all gateways greet anew %v after kubectl apply began", time.Since(applied).Round(10*time.Millisecond))

	if n := c.count(mark, "disconnect") + c.count(mark, "connect"); n != 0 {
		t.Errorf("%d clients were disconnected or came back", n)
	}
	if now := s.pods(); !slices.Equal(slices.Sorted(slices.Values(pods)), slices.Sorted(slices.Values(now))) {
		t.Errorf("the gateways were %v and are %v", pods, now)
	}
	s.kubectl("wait", "rts/"+s.name, "--for=condition=Configured", "--timeout=10s")
}

func testDeletedGateway(t *testing.T) {
	s := apply(t, newNamespace(t, "deleted-gateway"), withReplicas(t, sample(t, "chat"), 2))
	c := startClients(t)
	on := s.connectTo(2, c)
	pods := slices.Sorted(maps.Keys(on))
	ada, bob := on[pods[0]], on[pods[1]]
	mark := c.mark()

	s.kubectl("delete", "pod/"+pods[0], "--wait=false")

	c.waitSince(mark, ada, "disconnect", 60*time.Second, anything)
	c.waitSince(mark, ada, "connect", 20*time.Second, anything)
	c.emit(ada, "join", "Ada again")
	c.waitSince(mark, bob, "systemMessage", 5*time.Second, says("Ada again"))
	c.waitSince(mark, ada, "systemMessage", 5*time.Second, says("Ada again"))
	eventually(t, 60*time.Second, "two gateways are ready again", func() error {
		return want("readyReplicas", s.number(".status.readyReplicas"), 2)
	})
}
