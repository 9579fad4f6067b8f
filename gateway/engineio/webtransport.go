// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

// webTransportLinger is how long after the last write a WebTransport session is closed. Its client sees the end of the
// session only, not that of the stream, and the first may overtake what the second carries.
const webTransportLinger = 250 * time.Millisecond

// Stream is the first bidirectional stream that a WebTransport client opens. Its methods are as those of a net.Conn; Close
// ends the whole session.
type Stream interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// acceptStream answers a request for a WebTransport session and waits for its first stream.
type acceptStream func(context.Context) (Stream, error)

// offer is a WebTransport session that a client asks for.
type offer struct {
	accept acceptStream
	// taken: the stream belongs to a session, or probes for one.
	taken bool
}

// offerKey is the context key of a request's offer, with which it passes through the middlewares.
type offerKey struct{}

// ServeWebTransport serves an extended CONNECT for a WebTransport session under the server's path; accept answers it, if
// Config.Transports has WebTransport, and returns the stream, for which it may wait until the context ends. Package
// engineio/webtransport calls it for HTTP/3. It reports whether the stream carries a session now, which closes it in the
// end; one that does not has been closed.
func (s *Server) ServeWebTransport(w http.ResponseWriter, r *http.Request, accept func(context.Context) (Stream, error)) (taken bool) {
	defer s.panics.CatchRequest(placeRequest)
	g := s.current.Load()
	if !g.config.serves(r.URL.Path) {
		http.NotFound(w, r)
		return false
	}
	o := &offer{accept: accept}
	g.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), offerKey{}, o)))
	return o.taken
}

// serveWebTransport begins a session, or an upgrade, by what the stream's first packet says: `0`, or `0{"sid":"…"}`. What is
// not in order is closed without a word, as by the reference implementation. A server that takes no handshakes accepts nothing,
// not even for an upgrade, which cannot be told from a handshake before: the client stays with the transport that it has.
func (s *Server) serveWebTransport(ctx context.Context, c *Config, w http.ResponseWriter, req *request, o *offer) {
	if !c.offers(WebTransport) {
		errUnknownTransport.write(w, false)
		return
	}
	if !httpx.ValidHeaderValue(req.Header.Get("Origin")) {
		errBadRequest.write(w, false)
		return
	}
	if c.CORS.refuses(req.Request) {
		c.count(errForeignOrigin)
		errForeignOrigin.write(w, false)
		return
	}
	if refusal := s.crowded(c, req); refusal != nil {
		c.count(refusal)
		refusal.write(w, false)
		return
	}
	ctx, cancel := context.WithDeadline(ctx, req.time.Add(c.UpgradeTimeout))
	defer cancel()
	stream, err := o.accept(ctx)
	if err != nil {
		return
	}
	wt := newWebTransport(stream, c)
	stream.SetDeadline(req.time.Add(c.UpgradeTimeout))
	p, err := wt.reader.Read()
	switch {
	case err != nil || p.Type != packet.Open || p.Binary:
		stream.Close()
	case len(p.Data) == 0:
		o.taken = s.openWebTransport(c, req, wt)
	default:
		o.taken = s.upgradeToWebTransport(p.Data, wt)
	}
}

func (s *Server) openWebTransport(c *Config, req *request, wt *webTransport) (opened bool) {
	refusal := s.room(c)
	if refusal == nil {
		refusal = s.admit(c, req)
	}
	if refusal != nil {
		c.count(refusal)
	}
	id, err := "", error(nil)
	if refusal == nil {
		id, err = c.newID()
	}
	if refusal != nil || err != nil {
		wt.refuse()
		return false
	}
	wt.conn.SetDeadline(time.Time{})
	session, refusal := s.open(c, req, id, func(s *Session) transport {
		wt.session = s
		return wt
	})
	if refusal != nil {
		wt.refuse()
		return false
	}
	session.mu.Lock()
	session.tasks++
	session.flush()
	session.mu.Unlock()
	wt.begin()
	return true
}

func (s *Server) upgradeToWebTransport(data []byte, wt *webTransport) (begun bool) {
	var open struct {
		SessionID string `json:"sid"`
	}
	if err := json.Unmarshal(data, &open); err != nil {
		wt.refuse()
		return false
	}
	session := s.session(open.SessionID)
	if session == nil || session.expire(time.Now()) || session.protocol != protocol4 {
		wt.refuse()
		return false
	}
	return session.tryUpgrade(wt)
}
