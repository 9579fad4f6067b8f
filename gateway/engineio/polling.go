// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// polling is the HTTP long-polling transport: the client fetches packets by GET, at most one of which may wait, and sends
// by POST, one at a time. The session's lock guards it.
type polling struct {
	session *Session
	// poll is the GET that waits, if one does. Each gets one answer.
	poll chan pollAnswer
	// packets is how many packets the client takes in the answer to it.
	packets int32
	// posting: a POST is in hand.
	posting bool
	// latest is the GET that came last.
	latest httpx.PollMark
	// post reads the POST that is in hand, once it is there.
	post *lone
	// last answers the first GET after everything that was sent has been fetched, and ends the session; nil while it lives.
	last *pollAnswer
	// body can interrupt the reading of its body; nil before and after that.
	body *http.ResponseController
}

// pollAnswer is what a GET is answered: messages, or that it was refused after all.
type pollAnswer struct {
	messages []*Message
	refusal  *refusals.Answer
}

func (p *polling) name() string   { return Polling }
func (p *polling) stuck() bool    { return false } // servePoll sets a deadline, where it costs little
func (p *polling) writable() bool { return p.poll != nil }

// poster is the reader of the POST that is in hand, if there is one.
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

// answer answers the GET that waits.
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
		// Never behind messages in one answer: stock clients of 4.x handle a close packet when they
		// read it, but the events before it in a microtask, when their socket is closed already.
		p.last = &pollAnswer{messages: []*Message{mode.lastPacket}}
	}
	p.flush()
	if mode.wait == 0 {
		p.session.forget()
	}
}

func (p *polling) forceClose() { p.session.forget() }

// detach ends the transport in favour of another one.
func (p *polling) detach() { p.answer(pollAnswer{refusal: refusals.BadRequest}) }

// acceptPolling answers a handshake with the open packet, and what the application has sent behind it.
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

// writeHeader begins the answer to a poll or post of a living session.
func (s *Session) writeHeader(w http.ResponseWriter, req *request.Request, contentType string, length int) {
	s.config.addHeaders(w.Header(), req, s.id)
	httpx.SetPollHeaders(w.Header(), req.Request, contentType, length)
	w.WriteHeader(http.StatusOK)
}

// Release answers the poll that waits for a session, if one does, with a noop: its client polls again, be it by another way. The
// session goes on as it is.
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
