// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// polling is the HTTP long-polling transport: the client fetches packets by GET, at most one of
// which may wait, and sends by POST, one at a time. The session's lock guards it.
type polling struct {
	session *Session
	// poll is the pending GET, if any. Each gets one answer.
	poll chan pollAnswer
	// packets is the number of packets that the client accepts in that answer.
	packets int32
	// posting: a POST is being served.
	posting bool
	// latest is the most recent GET.
	latest httpx.PollMark
	// post is the reader of the current POST, once that is read.
	post *lone
	// last is the answer to the first GET after the client has fetched everything, and ends the
	// session; nil while the session is open.
	last *pollAnswer
	// body can interrupt the reading of the body of a POST; nil at other times.
	body *http.ResponseController
}

// pollAnswer is the answer to a GET: messages or a refusal.
type pollAnswer struct {
	messages []*Message
	refusal  *refusals.Answer
}

func (p *polling) name() string   { return Polling }
func (p *polling) stuck() bool    { return false } // answerPoll sets a write deadline instead
func (p *polling) writable() bool { return p.poll != nil }

// poster returns the reader of the current POST, if any.
func (p *polling) poster() *lone {
	p.session.mu.Lock()
	defer p.session.mu.Unlock()
	return p.post
}

func (p *polling) flush() {
	switch {
	case p.poll == nil:
	case !p.session.queue.Empty():
		p.answer(pollAnswer{messages: p.session.queue.TakeForPoll(int(p.packets), p.session.config.MaxPayload)})
	case p.last != nil:
		p.answer(*p.last)
		p.session.forget()
	}
}

// answer answers the pending GET.
func (p *polling) answer(a pollAnswer) {
	if p.poll != nil {
		p.poll <- a
		p.poll = nil
	}
}

func (p *polling) shutdown(mode closeMode) {
	if p.body != nil {
		p.body.SetReadDeadline(time.Unix(1, 0))
	}
	switch {
	case mode.finalRefusal != nil:
		p.last = &pollAnswer{refusal: mode.finalRefusal}
	case mode.lastPacket == nil:
		p.last = &pollAnswer{refusal: refusals.UnknownSession}
	default:
		// Not together with messages: stock clients of 4.x handle a close packet when they read it,
		// but the events before it in a microtask, when their socket is already closed.
		p.last = &pollAnswer{messages: []*Message{mode.lastPacket}}
	}
	p.flush()
	if mode.wait == 0 {
		p.session.forget()
	}
}

func (p *polling) forceClose() { p.session.forget() }

// detach ends the transport after an upgrade.
func (p *polling) detach() { p.answer(pollAnswer{refusal: refusals.BadRequest}) }

// acceptPolling answers a handshake with the open packet and the messages that the application has
// sent.
func (s *Server) acceptPolling(w http.ResponseWriter, c *Config, req *request.Request) {
	id, err := c.newID()
	if err != nil {
		refusals.BadRequest.Write(w, false)
		return
	}
	session, refusal := s.open(c, req, id, func(s *Session) transport { return &polling{session: s} })
	if refusal != nil {
		refusal.Write(w, false)
		return
	}
	session.servePoll(w, req)
}

// writeHeader begins the answer to a poll or post of an open session.
func (s *Session) writeHeader(w http.ResponseWriter, req *request.Request, contentType string, length int) {
	s.config.addHeaders(w.Header(), req, s.id)
	httpx.SetPollHeaders(w.Header(), req.Request, contentType, length)
	w.WriteHeader(http.StatusOK)
}

// Release answers the pending poll of a session, if any, with a noop, so that its client polls
// again, perhaps by another route. The session stays open.
func (s *Server) Release(id string) {
	session := s.session(id)
	if session == nil {
		return
	}
	session.mu.Lock()
	defer session.mu.Unlock()
	if p, ok := session.transport.(*polling); ok && session.state == stateOpen {
		p.answer(pollAnswer{messages: []*Message{noopPacket}})
	}
}
