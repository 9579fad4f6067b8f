// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/refusals"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/request"
)

// webTransportLinger is the time between the last write and the close of a WebTransport session.
// The client notices the end of the session only, not of the stream, and the close may overtake
// data on the stream.
const webTransportLinger = 250 * time.Millisecond

// Stream is the first bidirectional stream of a WebTransport client. Its methods are those of a
// net.Conn; Close ends the whole WebTransport session.
type Stream interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// acceptStream answers a request for a WebTransport session and waits for its first stream.
type acceptStream func(context.Context) (Stream, error)

// offer is a request for a WebTransport session.
type offer struct {
	accept acceptStream
	// taken: the stream carries a session, or probes for one.
	taken bool
}

// offerKey is the context key of a request's offer, which thus passes through middlewares.
type offerKey struct{}

// ServeWebTransport serves an extended CONNECT for a WebTransport session under the path of the
// server. accept answers it, if Config.Transports has WebTransport, and returns the stream, for
// which it may wait until the context ends. Package engineio/webtransport calls it for HTTP/3. It
// reports whether the stream carries a session, which then closes the stream; otherwise the stream
// is closed already.
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

// serveWebTransport begins a session, or an upgrade, depending on the first packet of the stream:
// `0`, or `0{"sid":"…"}`. Like the reference implementation, it closes invalid requests without an
// answer. A server that refuses handshakes also refuses upgrades, which it cannot tell from
// handshakes before it reads the packet: the client keeps its transport.
func (s *Server) serveWebTransport(ctx context.Context, c *Config, w http.ResponseWriter, req *request.Request, o *offer) {
	if !c.offers(WebTransport) {
		refusals.UnknownTransport.Write(w, false)
		return
	}
	if !httpx.ValidHeaderValue(req.Header.Get("Origin")) {
		refusals.BadRequest.Write(w, false)
		return
	}
	if c.CORS.Refuses(req.Request) {
		c.tellRefused(req, refusals.ForeignOrigin)
		refusals.ForeignOrigin.Write(w, false)
		return
	}
	if refusal := s.checkLoad(c, req); refusal != nil {
		c.tellRefused(req, refusal)
		refusal.Write(w, false)
		return
	}
	ctx, cancel := context.WithDeadline(ctx, req.Time.Add(c.UpgradeTimeout))
	defer cancel()
	stream, err := o.accept(ctx)
	if err != nil {
		return
	}
	wt := newWebTransport(stream, c)
	stream.SetDeadline(req.Time.Add(c.UpgradeTimeout))
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

func (s *Server) openWebTransport(c *Config, req *request.Request, wt *webTransport) (opened bool) {
	refusal := s.checkCapacity(c, req)
	if refusal == nil {
		refusal = s.admitHandshake(c, req)
	}
	if refusal != nil {
		c.tellRefused(req, refusal)
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
	session.serve(wt)
	return true
}

func (s *Server) upgradeToWebTransport(data []byte, wt *webTransport) (begun bool) {
	id, err := packet.ParseUpgrade(data)
	if err != nil {
		wt.refuse()
		return false
	}
	session := s.session(id)
	if session == nil || session.expire(time.Now()) || session.protocol != packet.Protocol4 {
		wt.refuse()
		return false
	}
	return session.tryUpgrade(wt)
}

// webTransport is the WebTransport transport: packets on a stream.
type webTransport struct {
	duplex
	reader packet.StreamReader
}

func newWebTransport(stream Stream, c *Config) *webTransport {
	wt := &webTransport{duplex: duplex{conn: stream}, reader: packet.NewStreamReader(stream, c.MaxPayload)}
	wt.lone = newLone(patience.Stream, func() *Session { return wt.session }, wt.begin)
	wt.encode = func(m *Message) []byte { return m.form.StreamFrame() }
	wt.drained = wt.linger
	return wt
}

func (wt *webTransport) name() string { return WebTransport }

func (wt *webTransport) shutdown(mode closeMode) {
	if mode.lastPacket == nil {
		wt.interrupt()
		return
	}
	wt.stopped = true
	wt.conn.SetDeadline(time.Now().Add(max(mode.wait, closeWait)))
	if !wt.writing && wt.session.queue.Empty() {
		wt.linger()
		return
	}
	wt.flush()
}

// linger makes the reader end shortly, which closes the session.
func (wt *webTransport) linger() { wt.conn.SetDeadline(time.Now().Add(webTransportLinger)) }

func (wt *webTransport) refuse() { wt.conn.Close() }

func (wt *webTransport) begin() { go wt.read() }

// read reads until the connection ends, and then ends the session.
func (wt *webTransport) read() {
	err := wt.readAll()
	if errors.Is(err, errHandedOn) {
		return
	}
	wt.finishReading(wt.closeReason(err), err)
	wt.conn.Close()
	wt.finishClosing()
}

// readAll reads until there is an error, or a panic.
func (wt *webTransport) readAll() (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = wt.session.panicked(placeTransport, value)
		}
	}()
	for err == nil {
		err = wt.readNext()
	}
	return err
}

func (wt *webTransport) readNext() error {
	p, err := wt.reader.Read()
	var invalid *packet.InvalidError
	if err != nil && !errors.As(err, &invalid) {
		return err
	}
	return wt.received(p, err)
}

func (wt *webTransport) closeReason(err error) CloseReason {
	if errors.Is(err, packet.ErrStreamLength) {
		return ReasonParseError
	}
	return ReasonTransportClose
}
