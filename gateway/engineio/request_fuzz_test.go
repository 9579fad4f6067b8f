// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// closer ends each session when it has come.
type closer struct{}

func (closer) OnMessage([]byte, bool)     {}
func (closer) OnClose(CloseReason, error) {}

// What a client says in an HTTP request: its query, headers, cookies, origin, offers of
// compression, and a body.
func FuzzHandshake(f *testing.F) {
	s, err := NewServer(Config{
		AllowEIO3: true, MaxSessions: 100, PerMessageDeflate: &PerMessageDeflate{},
		CORS:      &CORS{Origins: []string{"https://*.example.com"}, Credentials: true},
		OnSession: func(s *Session) Handler { s.Close(ReasonForcedClose); return closer{} },
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(s.Close)
	for _, request := range []string{
		"GET /engine.io/?EIO=4&transport=polling&t=abc HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example.com\r\nAccept-Encoding: gzip;q=0.5, br\r\n\r\n",
		"GET /engine.io/?EIO=3&transport=polling&j=0&b64=1 HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: cross-site\r\nReferer: https://a.example.com/\r\n\r\n",
		"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n",
		"POST /engine.io/?EIO=3&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\nContent-Length: 3\r\n\r\n1:2",
		"OPTIONS /engine.io/?EIO=4 HTTP/1.1\r\nHost: x\r\nOrigin: null\r\nAccess-Control-Request-Headers: a, b\r\n\r\n",
	} {
		f.Add([]byte(request))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusServiceUnavailable {
			t.Errorf("it is answered %d", w.Code)
		}
		for name, values := range w.Header() {
			for _, v := range values {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Errorf("the answer has a header %s: %q", name, v)
				}
			}
		}
		_, _ = io.Copy(io.Discard, w.Body)
	})
}
