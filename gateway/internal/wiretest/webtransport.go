// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"
)

// WebTransport is the stream of one WebTransport session. Not safe for concurrent use. It ends with
// the test.
type WebTransport struct {
	t       testing.TB
	session *wt.Session
	stream  *wt.Stream
}

// DialWebTransport opens a session at a server's UDP address, for the path of clients, and its
// stream. The first packet is up to the test.
func DialWebTransport(t testing.TB, address, path string, config *tls.Config) *WebTransport {
	t.Helper()
	return DialWebTransportWith(t, address, path, config, nil)
}

// DialWebTransportWith is DialWebTransport with headers.
func DialWebTransportWith(t testing.TB, address, path string, config *tls.Config, header http.Header) *WebTransport {
	t.Helper()
	config = config.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	client := &wt.Transport{
		TLSClientConfig: config,
		QUICConfig:      &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true},
	}
	t.Cleanup(func() { client.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	response, session, err := client.Dial(ctx, "https://"+address+path, header)
	if err != nil {
		t.Fatalf("dial %s: %v", address, err)
	}
	t.Cleanup(func() {
		response.Body.Close()
		session.CloseWithError(0, "")
	})
	stream, err := session.OpenStreamSync(ctx)
	if err != nil {
		t.Fatalf("open the stream: %v", err)
	}
	return &WebTransport{t, session, stream}
}

// Certificate is what the server has shown, in DER.
func (c *WebTransport) Certificate() []byte {
	return c.session.SessionState().ConnectionState.TLS.PeerCertificates[0].Raw
}

// Send sends Engine.IO packets as text, of less than 126 bytes each.
func (c *WebTransport) Send(packets ...string) {
	c.t.Helper()
	for _, p := range packets {
		if len(p) >= 126 {
			c.t.Fatalf("%.20s… is too long for this client", p)
		}
		if _, err := c.stream.Write(append([]byte{byte(len(p))}, p...)); err != nil {
			c.t.Fatalf("send %s: %v", p, err)
		}
	}
}

// Receive returns the next packet.
func (c *WebTransport) Receive() string {
	c.t.Helper()
	p, err := c.next()
	if err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	return p
}

// Expect wants exactly these packets next.
func (c *WebTransport) Expect(packets ...string) {
	c.t.Helper()
	for _, want := range packets {
		if got := c.Receive(); got != want {
			c.t.Fatalf("received %.200s, want %.200s", got, want)
		}
	}
}

// Open begins an Engine.IO session and joins the namespace /.
func (c *WebTransport) Open() {
	c.t.Helper()
	c.Send("0")
	if open := c.Receive(); !strings.HasPrefix(open, `0{"sid":`) {
		c.t.Fatalf("open packet %q", open)
	}
	c.Send("40")
	if answer := c.Receive(); !strings.HasPrefix(answer, `40{"sid":`) {
		c.t.Fatalf("answer to CONNECT: %q", answer)
	}
}

// ExpectClosed wants the server to end the session by itself.
func (c *WebTransport) ExpectClosed() {
	c.t.Helper()
	select {
	case <-c.session.Context().Done():
	case <-time.After(patience):
		c.t.Fatal("the session stays open")
	}
}

func (c *WebTransport) next() (string, error) {
	for {
		packet, err := c.read()
		if err != nil || packet != ping {
			return packet, err
		}
		c.Send(pong)
	}
}

func (c *WebTransport) read() (string, error) {
	if err := c.stream.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", fmt.Errorf("set a deadline: %w", err)
	}
	var header [8]byte
	if _, err := io.ReadFull(c.stream, header[:1]); err != nil {
		return "", err
	}
	length := uint64(header[0] & 0x7f)
	if size := map[uint64]int{126: 2, 127: 8}[length]; size > 0 {
		header = [8]byte{}
		if _, err := io.ReadFull(c.stream, header[8-size:]); err != nil {
			return "", err
		}
		length = binary.BigEndian.Uint64(header[:])
	}
	data := make([]byte, length)
	if _, err := io.ReadFull(c.stream, data); err != nil {
		return "", err
	}
	return string(data), nil
}
