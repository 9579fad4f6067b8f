//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// pollingFor is how long clients poll: E2E_POLLING, such as 5m, or a short time.
func pollingFor(t *testing.T) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(cmp.Or(os.Getenv("E2E_POLLING"), "20s"))
	if err != nil {
		t.Fatalf("E2E_POLLING: %v", err)
	}
	return d
}

// testPollingWithoutAffinity has clients poll through the Service, each request by a connection of
// its own, so that it reaches any gateway. A request that is refused ends its client's session,
// which the client tells.
func testPollingWithoutAffinity(t *testing.T) {
	const gateways, pollers = 3, 6
	s := apply(t, newNamespace(t, "polling"), withReplicas(t, sample(t, "chat"), gateways))
	eventually(t, 60*time.Second, "all gateways are ready", func() error { return want("gateways", len(s.pods()), gateways) })
	c := startClients(t)
	url := s.url()
	name := func(i int) string { return fmt.Sprintf("poller-%d", i) }
	for i := range pollers {
		c.poll(name(i), url)
		c.wait(name(i), "connect", 20*time.Second, anything)
		c.emit(name(i), "join", name(i))
	}
	start := c.mark()
	sent := 0
	for end := time.Now().Add(pollingFor(t)); time.Now().Before(end); sent++ {
		from, message, asked := name(sent%pollers), fmt.Sprintf("message %d.", sent), c.mark()
		c.emit(from, "chatMessage", message)
		for i := range pollers {
			c.waitSince(asked, name(i), "newMessage", 10*time.Second, func(args []any) bool { return text(args) == message })
		}
	}
	for _, event := range []string{"disconnect", "connect_error", "connect"} {
		if n := c.count(start, event); n != 0 {
			t.Errorf("%d clients saw %s: requests were refused", n, event)
		}
	}
	forwarded := 0.0
	for result, count := range s.forwarded() {
		if result == "forwarded" {
			forwarded = count
		} else if count != 0 {
			t.Errorf("%v requests are counted as %s", count, result)
		}
	}
	if forwarded == 0 {
		t.Error("no request was forwarded: the test shows nothing")
	}
	t.Logf("%d messages to %d clients, %v requests forwarded", sent, pollers, forwarded)
}

var forwardedRequests = regexp.MustCompile(`(?m)^realtime_forwarded_requests_total\{result="(\w+)"\} (\S+)$`)

// forwarded are the requests that the gateways forwarded, by result.
func (s *service) forwarded() map[string]float64 {
	s.t.Helper()
	total := map[string]float64{}
	for _, pod := range s.pods() {
		path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:9090/proxy/metrics", s.namespace, pod)
		for _, found := range forwardedRequests.FindAllStringSubmatch(kubectl(s.t, "get", "--raw", path), -1) {
			count, err := strconv.ParseFloat(found[2], 64)
			if err != nil {
				s.t.Fatalf("the metrics of %s: %v", pod, err)
			}
			total[found[1]] += count
		}
	}
	return total
}
