// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// examineHandshake begins a session by polling, as most clients do.
func examineHandshake(ctx context.Context, p *patient) []Finding {
	start := time.Now()
	s, err := p.begin(ctx, p.client)
	if err != nil {
		p.hopeless = true
		return []Finding{handshakeFailure(p, err)}
	}
	defer s.end(ctx)
	p.open = s.open
	findings := []Finding{ok("%s, in %d ms; pingInterval %s, maxPayload %d bytes, upgrades to %s",
		s.handshake.protocol, time.Since(start).Milliseconds(), s.open.pingInterval(), s.open.MaxPayload, listed(s.open.Upgrades))}
	if cookie := affinityCookie(s.handshake.header); cookie != "" {
		findings = append(findings, note([]string{"switch session affinity off: any gateway takes any request"},
			"the answer sets the cookie %s, by which requests of one client go to one gateway", cookie))
	}
	return findings
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func handshakeFailure(p *patient, err error) Finding {
	var status *statusError
	if !errors.As(err, &status) {
		return failed(nil, "%v", err)
	}
	switch {
	case status.status >= 300 && status.status < 400:
		return failed([]string{"use that URL: WebSockets follow no redirect"}, "%s to %s", status, status.header.Get("Location"))
	case !status.isProxys():
		return failed(nil, "the server refuses: %s", status)
	case status.status == http.StatusNotFound:
		return failed([]string{fmt.Sprintf("route the path %s, with all that is below it, to the Service; if spec.protocol.path is another, use it here", p.url.Path)},
			"%s, by %s", status, p.proxy.name())
	case slices.Contains([]int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}, status.status):
		return failed([]string{"see whether gateways are ready: kubectl get rts", "see whether a network policy keeps the proxy out"},
			"%s, by %s: it does not reach a gateway", status, p.proxy.name())
	}
	return failed(nil, "%s, by %s", status, p.proxy.name())
}

// affinityCookie returns the name of a cookie that somebody sets on the way; the server's own are
// called io by convention.
func affinityCookie(h http.Header) string {
	for _, line := range h.Values("Set-Cookie") {
		if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name != "io" && cookie.Name != "__cf_bm" {
			return cookie.Name
		}
	}
	return ""
}

// connections is over how many connections the requests of one session go.
const connections = 6

// examineSessions makes the requests of one session over connections of their own, which reach
// different gateways if there are several.
func examineSessions(ctx context.Context, s *session) []Finding {
	for i := range connections {
		if err := s.overAnother(ctx); err != nil {
			return []Finding{failed([]string{
				"does the URL lead to one service alone? Requests of a session must reach gateways of the same RealtimeService",
				"gateways forward to each other over port 7443: does a network policy forbid it?",
			}, "request %d of a session, over a connection of its own: %v", i+1, err)}
		}
	}
	return []Finding{ok("%d requests of a session, over connections of their own: all have reached it", connections)}
}

// overAnother sends a packet over a connection of its own. A pong has no effect, but that the
// client is alive.
func (s *session) overAnother(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	client := s.patient.newClient()
	defer client.CloseIdleConnections()
	other := *s
	other.client = client
	return other.post(ctx, []byte("3"))
}

// examineAnswers asks for something while a poll waits: its answer must come at once.
func examineAnswers(ctx context.Context, s *session) []Finding {
	p := s.patient
	ctx, cancel := within(ctx)
	defer cancel()
	type outcome struct {
		packets []string
		err     error
	}
	polled := make(chan outcome, 1)
	go func() {
		packets, err := s.poll(ctx)
		polled <- outcome{packets, err}
	}()
	start := time.Now()
	if err := s.post(ctx, []byte(p.connectPacket())); err != nil {
		cancel()
		<-polled
		return []Finding{failed([]string{"a POST must get through while a GET of the same client waits"}, "a packet while a poll waits: %v", err)}
	}
	got := <-polled
	took := time.Since(start)
	var fromCache *cachedError
	switch {
	case errors.As(got.err, &fromCache):
		return []Finding{failed([]string{"nothing below the path of Engine.IO may be cached"}, "%v", got.err)}
	case got.err != nil:
		return []Finding{failed(nil, "a poll that waits for an answer: %v", got.err)}
	case took > p.prompt:
		return []Finding{failed([]string{"switch buffering and queues of requests off for the path of Engine.IO"},
			"an answer took %.1f s to come through a poll: something holds requests or answers back", took.Seconds())}
	}
	admitted := admissionOf(got.packets)
	if admitted.refusal != "" {
		return []Finding{ok("an answer came through a waiting poll in %d ms; it is a refusal of namespace %s: %q", took.Milliseconds(), p.options.Namespace, admitted.refusal)}
	}
	return []Finding{ok("an answer came through a waiting poll in %d ms", took.Milliseconds())}
}
