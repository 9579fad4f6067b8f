// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// polling is the HTTP long-polling transport: the client fetches packets by GET, at most one of which may wait, and sends
// by POST, one at a time. The session's lock guards it.
type polling struct {
	session *Session
	// poll is the GET that waits, if one does. Each gets one answer.
	poll chan pollAnswer
	// posting: a POST is in hand.
	posting bool
	// parting answers the GET that comes when all that was sent has been fetched, and ends the session; nil while it lives.
	parting *requestError
	// body can interrupt the reading of its body; nil before and after that.
	body *http.ResponseController
}

// pollAnswer is what a GET is answered: messages, or that it was refused after all.
type pollAnswer struct {
	messages []*Message
	refusal  *requestError
}

func (p *polling) name() string   { return Polling }
func (p *polling) stuck() bool    { return false } // servePoll sets a deadline, where it costs little
func (p *polling) writable() bool { return p.poll != nil }

func (p *polling) flush() {
	switch {
	case p.poll == nil:
		return
	case p.session.queue.empty():
		p.part()
		return
	}
	batch := p.session.queue.take()
	p.answer(pollAnswer{messages: batch})
	p.session.queue.release(nil) // the answer keeps the batch's memory
	if p.session.state == stateClosing && p.parting == nil {
		p.session.finish()
	}
}

// part ends the session, if it is time, by the answer to the GET that waits.
func (p *polling) part() {
	if p.parting != nil {
		p.answer(pollAnswer{refusal: p.parting})
		p.session.finish()
	}
}

// answer answers the GET that waits.
func (p *polling) answer(a pollAnswer) {
	if p.poll != nil {
		p.poll <- a
		p.poll = nil
	}
}

func (p *polling) stop(how ending) {
	if p.body != nil {
		p.body.SetReadDeadline(time.Unix(1, 0))
	}
	switch {
	case how.parting != nil:
		p.parting = how.parting
		p.flush()
	case how.farewell == nil:
		p.answer(pollAnswer{refusal: errUnknownSession})
	default:
		p.session.queue.push(how.farewell)
		p.flush()
	}
	if how.await == 0 {
		p.session.finish()
	}
}

func (p *polling) cut() { p.session.finish() }

// discard ends the transport in favour of another one.
func (p *polling) discard() { p.answer(pollAnswer{refusal: errBadRequest}) }

// acceptPolling answers a handshake with the open packet, and what the application has sent behind it.
func (s *Server) acceptPolling(w http.ResponseWriter, c *Config, req *request) {
	id, err := c.newID()
	if err != nil {
		errBadRequest.write(w, false)
		return
	}
	session, refusal := s.open(c, req, id, func(s *Session) transport { return &polling{session: s} })
	if refusal != nil {
		refusal.write(w, false)
		return
	}
	session.servePoll(w, req)
}

// writeHeader begins the answer to a poll or post of a living session.
func (s *Session) writeHeader(w http.ResponseWriter, req *request, contentType string, length int) {
	h := w.Header()
	s.config.addHeaders(h, req, s.id)
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Cache-Control", "no-store")
	// Old Internet Explorers would see an attack in an answer that repeats what was sent.
	if agent := req.UserAgent(); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0")
	}
	w.WriteHeader(http.StatusOK)
}
