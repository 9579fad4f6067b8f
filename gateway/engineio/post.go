// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

var errPostOverlap = errors.New("two posts at once")

// servePost receives the packets of a POST.
func (s *Session) servePost(w http.ResponseWriter, req *request.Request) {
	p, refusal := s.beginPost(http.NewResponseController(w))
	if refusal != nil {
		refusal.Write(w, false)
		return
	}
	defer s.endPost(p)

	payload, err := req.ReadBody(w, s.config.MaxPayload)
	s.endBody(p, err)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		w.WriteHeader(http.StatusRequestEntityTooLarge) // the session stays open
		return
	case err != nil:
		s.close(ReasonTransportError, fmt.Errorf("read post: %w", err), closeNow)
		refusals.BadRequest.Write(w, false)
		return
	}

	err = s.takePost(p, req, payload)
	if err != nil {
		s.close(ReasonParseError, err, closeNow)
		refusals.BadRequest.Write(w, false)
		return
	}
	// Not text/plain, which some browsers would offer as a download.
	s.writeHeader(w, req, "text/html", len("ok"))
	io.WriteString(w, "ok")
}

func (s *Session) beginPost(body *http.ResponseController) (*polling, *refusals.Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.transport.(*polling)
	switch {
	case s.state == stateClosed:
		return nil, refusals.UnknownSession
	case !ok: // upgraded since the request was verified
		return nil, refusals.BadRequest
	case p.posting:
		s.closeLocked(ReasonTransportError, errPostOverlap, closeNow)
		return nil, refusals.BadRequest
	}
	s.tasks++
	p.posting = true
	p.body = body
	// The heartbeat ends the session of a slower client, but does not interrupt the reading.
	body.SetReadDeadline(time.Now().Add(s.config.PingInterval + s.config.PingTimeout))
	return p, nil
}

// endBody removes the deadline, since net/http reads on in order to notice that the client
// disconnects. A body that could not be read keeps it, since net/http would wait for the rest.
func (s *Session) endBody(p *polling, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		p.body.SetReadDeadline(time.Time{})
	}
	p.body = nil
}

func (s *Session) endPost(p *polling) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.posting = false
	s.taskDone()
}

// takePost passes the packets of a POST to the application. It returns when all were passed on;
// slow handlers may still be running.
func (s *Session) takePost(p *polling, req *request.Request, payload []byte) error {
	r := &postReader{session: s, taken: make(chan struct{})}
	r.lone = newLone(patience.Post, func() *Session { return s }, func() { go r.read() })
	r.next, r.stop = iter.Pull(func(yield func(packet.Packet) bool) { r.err = req.Decode(payload, yield) })
	s.setPost(p, r.lone)
	defer s.setPost(p, nil)
	go r.read()
	<-r.taken
	return r.err
}

func (s *Session) setPost(p *polling, l *lone) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.post = l
}

// postReader passes on the packets of a POST. It has goroutines of its own, since the client is
// answered before slow handlers return.
type postReader struct {
	session *Session
	lone    *lone
	// next and stop iterate over the packets. err is the error of an invalid packet.
	next func() (packet.Packet, bool)
	stop func()
	err  error
	// taken is closed after the last packet.
	taken chan struct{}
}

func (r *postReader) read() {
	kept := true
	defer func() {
		if value := recover(); value != nil {
			r.session.close(ReasonTransportError, r.session.panicked(placeRequest, value), closeBroken)
		}
		if kept {
			r.stop()
			close(r.taken)
		}
	}()
	for {
		p, ok := r.next()
		if !ok {
			return
		}
		if kept = r.session.receive(p, false, r.lone); !kept || p.Type == packet.Close {
			return
		}
	}
}
