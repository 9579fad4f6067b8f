// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Socket is a websocket client.
type Socket struct {
	*websocket.Conn
	t testing.TB
}

// Dial opens a websocket with any query.
func (s *Server) Dial(query string) *Socket {
	s.t.Helper()
	socket, answer := s.TryDial(query)
	if socket == nil {
		s.t.Fatalf("websocket refused: %d %q", answer.Status, answer.Body)
	}
	return socket
}

// TryDial is Dial, but returns nil and the answer if the handshake is refused.
func (s *Server) TryDial(query string, header ...string) (*Socket, Answer) {
	s.t.Helper()
	return s.dial(websocket.Dialer{}, query, header)
}

// DialDeflate is Dial with an offer to compress messages.
func (s *Server) DialDeflate(query string) (*Socket, Answer) {
	s.t.Helper()
	return s.dial(websocket.Dialer{EnableCompression: true}, query, nil)
}

func (s *Server) dial(dialer websocket.Dialer, query string, header []string) (*Socket, Answer) {
	s.t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	dialer.HandshakeTimeout = Patience
	dialer.NetDialContext = s.dialContext
	if strings.HasPrefix(s.URL, "https") {
		dialer.TLSClientConfig = s.client.Transport.(*http.Transport).TLSClientConfig
	}
	conn, response, err := dialer.DialContext(s.t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"?"+query, h)
	if errors.Is(err, websocket.ErrBadHandshake) {
		body, _ := io.ReadAll(response.Body)
		return nil, Answer{response.StatusCode, response.Header, string(body)}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(Patience))
	s.t.Cleanup(func() { conn.Close() })
	return &Socket{conn, s.t}, Answer{Status: response.StatusCode, Header: response.Header}
}

// WebSocket opens a session by websocket, and reads the open packet.
func (s *Server) WebSocket() (*Socket, *Session, Open) {
	s.t.Helper()
	socket := s.Dial("EIO=4&transport=websocket")
	open := ParseOpen(s.t, socket.ReadText())
	return socket, s.Session(), open
}

// Write sends text.
func (s *Socket) Write(text string) {
	s.t.Helper()
	if err := s.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// WriteBinary sends bytes.
func (s *Socket) WriteBinary(data string) {
	s.t.Helper()
	if err := s.WriteMessage(websocket.BinaryMessage, []byte(data)); err != nil {
		s.t.Fatal(err)
	}
}

// ReadText reads a message, which must be text.
func (s *Socket) ReadText() string {
	s.t.Helper()
	return s.read(websocket.TextMessage)
}

// ReadBinary reads a message, which must be binary.
func (s *Socket) ReadBinary() string {
	s.t.Helper()
	return s.read(websocket.BinaryMessage)
}

func (s *Socket) read(want int) string {
	s.t.Helper()
	kind, data, err := s.ReadMessage()
	if err != nil {
		s.t.Fatal(err)
	}
	if kind != want {
		s.t.Errorf("message %q is of kind %d, want %d", data, kind, want)
	}
	return string(data)
}

// WantClosed reads until the server's close frame, which must have this code: 1005 for none.
func (s *Socket) WantClosed(code int) {
	s.t.Helper()
	_, data, err := s.ReadMessage()
	if !websocket.IsCloseError(err, code) {
		s.t.Errorf("read %q, %v, want a close frame with code %d", data, err, code)
	}
}

// Raw is a connection that a test writes requests and frames to byte by byte.
type Raw struct {
	net.Conn
	Reader *bufio.Reader
	t      testing.TB
}

// Connect opens a connection.
func (s *Server) Connect() *Raw {
	s.t.Helper()
	conn, err := s.dialContext(s.t.Context(), "tcp", s.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	if strings.HasPrefix(s.URL, "https") {
		config := s.client.Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ServerName, _, _ = net.SplitHostPort(s.Address)
		conn = tls.Client(conn, config)
	}
	conn.SetDeadline(time.Now().Add(Patience))
	s.t.Cleanup(func() { conn.Close() })
	return &Raw{conn, bufio.NewReader(conn), s.t}
}

// Write sends text as it is.
func (r *Raw) Write(text string) {
	r.t.Helper()
	if _, err := io.WriteString(r.Conn, text); err != nil {
		r.t.Fatal(err)
	}
}

// Answer reads an HTTP answer.
func (r *Raw) Answer() Answer {
	r.t.Helper()
	response, err := http.ReadResponse(r.Reader, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	if response.StatusCode == http.StatusSwitchingProtocols {
		return Answer{Status: response.StatusCode, Header: response.Header}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return Answer{response.StatusCode, response.Header, string(body)}
}

// WantEnd checks that the server closes the connection, whatever it says before.
func (r *Raw) WantEnd() {
	r.t.Helper()
	_, err := io.Copy(io.Discard, r.Reader)
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		r.t.Error("server did not close the connection")
	}
}
