// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	gorilla "github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// inflate undoes a content coding.
func inflate(t *testing.T, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

func TestPollCompression(t *testing.T) {
	off := func(c *engineio.Config) { c.NoHTTPCompression = true }
	low := func(c *engineio.Config) { c.HTTPCompressionThreshold = 10 }
	asUsual := func(*engineio.Config) {}
	for _, test := range []struct {
		name      string
		configure func(*engineio.Config)
		accept    string
		size      int // of the payload
		allowed   bool
		want      string
	}{
		{"gzip", asUsual, "gzip, deflate", 1024, true, "gzip"},
		{"deflate", asUsual, "deflate", 1024, true, "deflate"},
		{"by quality", asUsual, "gzip;q=0.1, deflate;q=0.9", 5000, true, "deflate"},
		{"below the threshold", asUsual, "gzip", 1023, true, ""},
		{"another threshold", low, "gzip", 10, true, "gzip"},
		{"switched off", off, "gzip", 5000, true, ""},
		{"not accepted", asUsual, "identity", 5000, true, ""},
		{"switched off for the message", asUsual, "gzip", 5000, false, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := enginetest.Start(t, test.configure)
			p := s.Poll()
			text := strings.Repeat("a", test.size-1)
			p.Send(engineio.NewText([]byte(text)).Compress(test.allowed))
			a := s.Do("GET", p.Query, "", "Accept-Encoding", test.accept)
			if got := a.Header.Get("Content-Encoding"); got != test.want {
				t.Fatalf("content coding %q, want %q", got, test.want)
			}
			if got := inflate(t, test.want, a.Body); got != "4"+text {
				t.Errorf("body %.20q… of %d bytes", got, len(got))
			}
			if got := a.Header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
				t.Errorf("content type %q", got)
			}
		})
	}
}

func TestPollIsCompressedIfAnyMessageMayBe(t *testing.T) {
	s := enginetest.Start(t)
	p := s.Poll()
	p.Send(engineio.NewText([]byte(strings.Repeat("a", 2000))).Compress(false), engineio.NewText([]byte("b")))
	if got := s.Do("GET", p.Query, "", "Accept-Encoding", "gzip").Header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("content coding %q", got)
	}
}

// deflating is a server that compresses websocket messages of 100 bytes or more.
func deflating(c *engineio.Config) {
	c.PerMessageDeflate = &engineio.PerMessageDeflate{Threshold: 100}
	c.MaxPayload = 10_000
}

const offer = "permessage-deflate; client_max_window_bits"

func TestPerMessageDeflate(t *testing.T) {
	s := enginetest.Start(t, deflating)
	long := strings.Repeat("long ", 1000)
	socket, a := s.DialDeflate(websocket)
	if got := a.Header.Get("Sec-Websocket-Extensions"); got != "permessage-deflate; server_no_context_takeover; client_no_context_takeover" {
		t.Errorf("extensions %q", got)
	}
	enginetest.ParseOpen(t, socket.ReadText())
	session := s.Session()
	for range 2 { // the second finds what the first left in the pools
		socket.Write("4" + long)
		if got := session.Message(); got.Data != long {
			t.Errorf("server received %d bytes", len(got.Data))
		}
		if got := socket.ReadText(); got != "4"+long {
			t.Errorf("client received %d bytes", len(got))
		}
		socket.WriteBinary(long)
		if got := socket.ReadBinary(); got != long {
			t.Errorf("client received %d bytes", len(got))
		}
	}
	session.Send(engineio.NewText([]byte(long)).Compress(false), engineio.NewText([]byte("short")))
	for _, want := range []string{"4" + long, "4short"} {
		if got := socket.ReadText(); got != want {
			t.Errorf("client received %d bytes, want %d", len(got), len(want))
		}
	}
}

// frame reads the header of a server's frame and drops its payload.
func frame(t *testing.T, raw *enginetest.Raw) (first byte, length int) {
	t.Helper()
	var h [4]byte
	if _, err := io.ReadFull(raw.Reader, h[:2]); err != nil {
		t.Fatal(err)
	}
	length = int(h[1])
	if length == 126 {
		if _, err := io.ReadFull(raw.Reader, h[2:]); err != nil {
			t.Fatal(err)
		}
		length = int(binary.BigEndian.Uint16(h[2:]))
	}
	if _, err := raw.Reader.Discard(length); err != nil {
		t.Fatal(err)
	}
	return h[0], length
}

func TestPerMessageDeflateOnTheWire(t *testing.T) {
	s := enginetest.Start(t, deflating)
	raw := s.Connect()
	raw.Write(strings.Replace(upgradeRequest(websocket), "\r\n\r\n", "\r\nSec-WebSocket-Extensions: "+offer+"\r\n\r\n", 1))
	if a := raw.Answer(); a.Status != http.StatusSwitchingProtocols {
		t.Fatalf("answered %d", a.Status)
	}
	frame(t, raw) // the open packet
	long := []byte(strings.Repeat("a", 2000))
	s.Session().Send(engineio.NewText(long), engineio.NewText(long).Compress(false), engineio.NewText([]byte("short")))
	for i, want := range []struct {
		first  byte
		length func(int) bool
	}{
		{0xc1, func(n int) bool { return n < 100 }},
		{0x81, func(n int) bool { return n == 2001 }},
		{0x81, func(n int) bool { return n == 6 }},
	} {
		if first, n := frame(t, raw); first != want.first || !want.length(n) {
			t.Errorf("frame %d begins with %x and has %d bytes", i, first, n)
		}
	}
}

func TestPerMessageDeflateIsOffByDefault(t *testing.T) {
	s := enginetest.Start(t)
	_, a := s.DialDeflate(websocket)
	if got := a.Header.Get("Sec-Websocket-Extensions"); got != "" {
		t.Errorf("extensions %q", got)
	}
	s = enginetest.Start(t, deflating)
	_, a = s.TryDial(websocket)
	if got := a.Header.Get("Sec-Websocket-Extensions"); got != "" {
		t.Errorf("extensions %q, asked for none", got)
	}
}

// bomb is a compressed message, masked with zeros, that inflates to n bytes of 4.
func bomb(n int) []byte {
	var deflated bytes.Buffer
	w, _ := flate.NewWriter(&deflated, flate.BestCompression)
	w.Write(bytes.Repeat([]byte("4"), n))
	w.Flush()
	return clientFrame(0xc1, bytes.TrimSuffix(deflated.Bytes(), []byte{0, 0, 0xff, 0xff}))
}

// clientFrame is a frame masked with zeros.
func clientFrame(first byte, payload []byte) []byte {
	f := []byte{first, 0x80 | 127}
	f = binary.BigEndian.AppendUint64(f, uint64(len(payload)))
	f = append(f, 0, 0, 0, 0)
	return append(f, payload...)
}

func TestLimitHoldsForTheInflatedMessage(t *testing.T) {
	s := enginetest.Start(t, deflating)
	neighbour, _, _ := s.WebSocket()
	for _, test := range []struct {
		name string
		sent []byte
		code int // 0: the session lives
	}{
		{"exactly the limit", bomb(10_000), 0},
		{"one byte more", bomb(10_001), gorilla.CloseMessageTooBig},
		{"a bomb of 9,000,000 bytes", bomb(9_000_000), gorilla.CloseMessageTooBig},
		{"too many compressed bytes", clientFrame(0xc1, make([]byte, 10_001)), gorilla.CloseMessageTooBig},
		{"no deflate stream", clientFrame(0xc1, []byte("\xff\xff\xff")), gorilla.CloseInvalidFramePayloadData},
	} {
		t.Run(test.name, func(t *testing.T) {
			socket, _ := s.DialDeflate(websocket)
			enginetest.ParseOpen(t, socket.ReadText())
			session := s.Session()
			if _, err := socket.NetConn().Write(test.sent); err != nil {
				t.Fatal(err)
			}
			if test.code == 0 {
				if got := session.Message(); len(got.Data) != 9999 {
					t.Errorf("received %d bytes", len(got.Data))
				}
				return
			}
			socket.WantClosed(test.code)
			session.WantClosed(engineio.ReasonTransportError)
		})
	}
	neighbour.SetReadDeadline(time.Now().Add(enginetest.Patience))
	neighbour.Write("4hello")
	if got := neighbour.ReadText(); got != "4hello" {
		t.Errorf("neighbour read %q", got)
	}
}
