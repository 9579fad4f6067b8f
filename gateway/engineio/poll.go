// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/wireform"
)

// pollWriteTimeout limits the writing of an answer to a poll, in case the client does not read it.
const pollWriteTimeout = 30 * time.Second

var (
	errPollOverlap  = errors.New("two polls at once")
	errPollAborted  = errors.New("poll ended by the client")
	errPollRepeated = errors.New("poll is sent again: the answer to it is lost")
)

// servePoll answers a GET as soon as there is a packet for the client.
func (s *Session) servePoll(w http.ResponseWriter, req *request.Request) {
	poll, refusal := s.beginPoll(req)
	if refusal != nil {
		refusal.Write(w, false)
		return
	}
	defer s.endTask()
	// With a read deadline of the http.Server, net/http would report the client as gone. A server
	// that cannot set deadlines has none. A body, which no client sends, keeps its deadline:
	// net/http does not watch the client behind it.
	if req.ContentLength == 0 {
		http.NewResponseController(w).SetReadDeadline(time.Time{})
	}
	select {
	case answer := <-poll:
		if err := s.answerPoll(w, req, answer); err != nil {
			s.close(ReasonTransportError, fmt.Errorf("answer poll: %w", err), closeBroken)
		}
	case <-req.Context().Done():
		s.abortPoll(poll)
	}
}

// beginPoll registers a GET. Its answer may be available at once.
func (s *Session) beginPoll(req *request.Request) (chan pollAnswer, *refusals.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.transport.(*polling)
	mark := httpx.MarkPoll(req.Stamp(), req.RemoteAddr)
	switch {
	case s.state == stateClosed:
		return nil, refusals.UnknownSession
	case !ok: // upgraded since the request was verified
		return nil, refusals.BadRequest
	case p.poll != nil:
		s.closeLocked(ReasonTransportError, errPollOverlap, closeNow)
		return nil, refusals.BadRequest
	case mark.Repeats(p.latest):
		s.closeLocked(ReasonTransportError, errPollRepeated, closeBroken)
		return nil, refusals.UnknownSession
	}
	p.latest, p.packets = mark, httpx.PollPackets(req.Stamp())
	s.tasks++
	poll := make(chan pollAnswer, 1) // a sender never waits for this goroutine
	p.poll = poll
	p.flush()
	return poll, nil
}

// abortPoll is called when the client has disconnected during a GET. An answer that was on its way
// is lost.
func (s *Session) abortPoll(poll chan pollAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.transport.(*polling); ok && p.poll == poll {
		p.poll = nil
	}
	s.closeLocked(ReasonTransportError, errPollAborted, closeBroken)
}

func (s *Session) endTask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taskDone()
}

func (s *Session) answerPoll(w http.ResponseWriter, req *request.Request, a pollAnswer) error {
	if a.refusal != nil {
		a.refusal.Write(w, false)
		return nil
	}
	http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pollWriteTimeout))
	body, contentType := s.encode(req, a.messages)
	body, coding := s.config.compress(req, body, a.messages)
	if coding != "" {
		w.Header().Set("Content-Encoding", coding)
	}
	s.writeHeader(w, req, contentType, len(body))
	if _, err := w.Write(body); err != nil {
		return err
	}
	return httpx.Flush(w)
}

// compress compresses an answer if it is large enough, contains a message that may be compressed,
// and the client accepts that.
func (c *Config) compress(req *request.Request, body []byte, messages []*Message) (sent []byte, coding string) {
	if c.NoHTTPCompression || len(body) < c.HTTPCompressionThreshold || !slices.ContainsFunc(messages, isCompressible) {
		return body, ""
	}
	return httpx.Compress(req.Request, body)
}

func isCompressible(m *Message) bool { return m.form.IsCompressible() }

// encode returns the body of an answer to a poll.
func (s *Session) encode(req *request.Request, messages []*Message) (body []byte, contentType string) {
	if s.protocol != packet.Protocol3 {
		return wireform.Payload(messages, formOf), httpx.TypeText
	}
	if index, ok := req.JSONP(); ok {
		body, _ = wireform.Payload3(messages, formOf, true)
		return packet.WrapJSONP(index, body), httpx.TypeScript
	}
	body, binary := wireform.Payload3(messages, formOf, s.base64)
	if binary {
		return body, httpx.TypeBytes
	}
	return body, httpx.TypeText
}
