// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gorilla/websocket"
)

// late is how much later than promised a ping may come.
const late = 5 * time.Second

// errServerClosed: a poll was answered with the packet that ends a session.
var errServerClosed = errors.New("the server has ended the session")

// examineSilence waits for the server's pings, by polling and by WebSocket at the same time: what
// cuts a silent connection cuts those of clients.
func examineSilence(ctx context.Context, p *patient) []Finding {
	interval := p.open.pingInterval()
	enough := time.Now().Add(max(p.options.Silence, interval) - time.Second) // a ping may come a little early
	byPolling := make(chan Finding, 1)
	go func() { byPolling <- p.silentPolling(ctx, enough) }()
	byWebSocket := p.silentWebSocket(ctx, enough)
	return []Finding{<-byPolling, byWebSocket}
}

func (p *patient) silentPolling(ctx context.Context, enough time.Time) Finding {
	const how = "polling"
	s, err := p.begin(ctx, p.client)
	if err != nil {
		return failed(nil, "%s: another handshake: %v", how, err)
	}
	defer s.end(ctx)
	if err := s.post(ctx, []byte(p.connectPacket())); err != nil {
		return failed(nil, "%s: %v", how, err)
	}
	admitted := admission{}
	start, longest := time.Now(), time.Duration(0)
	for {
		poll, cancel := context.WithTimeout(ctx, p.open.pingInterval()+late)
		began := time.Now()
		packets, err := s.poll(poll)
		cancel()
		waited := time.Since(began)
		switch {
		case err != nil:
			return p.cut(how, err, start, waited, admitted)
		case packets[0] == "1":
			return p.cut(how, errServerClosed, start, waited, admitted)
		}
		if found := admissionOf(packets); found.answered {
			admitted = found
			continue
		}
		longest = max(longest, waited)
		if !time.Now().Before(enough) {
			return p.lasted(how, longest)
		}
		if err := s.post(ctx, []byte("3")); err != nil {
			return failed(nil, "%s: the answer to a ping: %v", how, err)
		}
	}
}

func (p *patient) silentWebSocket(ctx context.Context, enough time.Time) Finding {
	const how = "WebSocket"
	opening, cancel := within(ctx)
	connection, err := p.dial(opening, "")
	cancel()
	if err != nil {
		return skipped("%s: there is none", how)
	}
	defer func() { _ = connection.Close() }() // the session ends with it
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer stop()
	admitted := admission{}
	start, longest := time.Now(), time.Duration(0)
	for {
		began := time.Now()
		packet, err := read(connection, p.open.pingInterval()+late)
		waited := time.Since(began)
		if err != nil {
			return p.cut(how, err, start, waited, admitted)
		}
		answer := ""
		switch {
		case packet[:1] == "0":
			answer = p.connectPacket()
		case packet == "2":
			longest = max(longest, waited)
			if !time.Now().Before(enough) {
				return p.lasted(how, longest)
			}
			answer = "3"
		default:
			if found := admissionOf([]string{packet}); found.answered {
				admitted = found
			}
			continue
		}
		if err := write(connection, answer); err != nil {
			return p.cut(how, err, start, time.Since(began), admitted)
		}
	}
}

func (p *patient) lasted(how string, longest time.Duration) Finding {
	return ok("%s: a connection lives on after %.0f s of silence", how, longest.Seconds())
}

// cut says what a connection that has ended means. A server ends those whom no namespace has let
// in, which tells nothing of what is on the way.
func (p *patient) cut(how string, err error, start time.Time, waited time.Duration, admitted admission) Finding {
	byServer := errors.Is(err, errServerClosed) || websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseNoStatusReceived)
	if byServer && (admitted.refusal != "" || !admitted.answered) {
		return skipped("%s: the server has ended the session after %.0f s, as namespace %s does not let the doctor in (%s); give --auth",
			how, time.Since(start).Seconds(), p.options.Namespace, orNoAnswer(admitted.refusal))
	}
	enough := int64(math.Ceil((p.open.pingInterval() + late).Seconds()))
	var status *statusError
	if errors.As(err, &status) && !status.isProxys() {
		// A server ends a session whose poll is repeated, as two of them are a mistake.
		return failed(append(p.proxy.advise(silenceSettings(enough)), p.proxy.advise(repeatSettings)...),
			"%s: after %.0f s of silence the server answers %s: the poll was cut, and made again at another gateway", how, waited.Seconds(), status)
	}
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		return failed(nil, "%s: no ping has come within %.0f s: something holds it back, or has dropped the connection without a word", how, waited.Seconds())
	}
	return failed(p.proxy.advise(silenceSettings(enough)),
		"%s: cut after %.0f s of silence (%v); pings come every %s", how, waited.Seconds(), err, p.open.pingInterval())
}

func orNoAnswer(refusal string) string {
	if refusal == "" {
		return "no answer"
	}
	return fmt.Sprintf("%q", refusal)
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}
