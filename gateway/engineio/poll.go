// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
)

// pollWriteTimeout bounds the writing of an answer to a poll, against a client that does not read it.
const pollWriteTimeout = 30 * time.Second

var (
	errPollOverlap  = errors.New("two polls at once")
	errPollAborted  = errors.New("poll ended by the client")
	errPollRepeated = errors.New("poll is sent again: the answer to it is lost")
)

// servePoll answers a GET as soon as there is something for the client.
func (s *Session) servePoll(w http.ResponseWriter, req *request) {
	poll, refusal := s.beginPoll(req)
	if refusal != nil {
		refusal.write(w, false)
		return
	}
	defer s.endTask()
	// With a deadline of the http.Server, net/http would take the client for gone. A server that cannot set deadlines
	// has none. A body, which no client sends, keeps its own: net/http does not look at the client behind it.
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

// beginPoll registers a GET. Its answer may be there already.
func (s *Session) beginPoll(req *request) (chan pollAnswer, *requestError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.transport.(*polling)
	switch {
	case s.state == stateClosed:
		return nil, errUnknownSession
	case !ok: // upgraded since the request was verified
		return nil, errBadRequest
	case p.poll != nil:
		s.end(ReasonTransportError, errPollOverlap, closeNow)
		return nil, errBadRequest
	case p.latest.repeatedBy(req):
		s.end(ReasonTransportError, errPollRepeated, closeBroken)
		return nil, errUnknownSession
	}
	p.latest, p.packets = markOf(req), req.pollPackets()
	s.tasks++
	poll := make(chan pollAnswer, 1) // so that nobody waits for this goroutine
	p.poll = poll
	p.flush()
	return poll, nil
}

// abortPoll is called when the client has gone away from a GET. What it was just being answered is lost with it.
func (s *Session) abortPoll(poll chan pollAnswer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.transport.(*polling); ok && p.poll == poll {
		p.poll = nil
	}
	s.end(ReasonTransportError, errPollAborted, closeBroken)
}

func (s *Session) endTask() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taskDone()
}

func (s *Session) answerPoll(w http.ResponseWriter, req *request, a pollAnswer) error {
	if a.refusal != nil {
		a.refusal.write(w, false)
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
	// net/http would write the answer when the handler has returned, and tell nobody if it cannot.
	err := http.NewResponseController(w).Flush()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// compress compresses an answer, if it is worth it, if a message in it may be compressed, and if the client takes that.
func (c *Config) compress(req *request, body []byte, messages []*Message) (sent []byte, coding string) {
	if c.NoHTTPCompression || len(body) < c.HTTPCompressionThreshold || !anyCompressible(messages) {
		return body, ""
	}
	return httpx.Compress(req.Request, body)
}

func anyCompressible(messages []*Message) bool {
	for _, m := range messages {
		if !m.uncompressed {
			return true
		}
	}
	return false
}
