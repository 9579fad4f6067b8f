// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A session's id is a bearer secret; a socket's is none.
func TestLogsNameNoSessionID(t *testing.T) {
	for name, packet := range map[string]string{
		"a handler panics":               `42["boom"]`,
		"a packet that is none":          `4abc`,
		"a namespace that is not joined": `42/x,["hello"]`,
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			io, url := server(t, socketio.Options{
				Engine: engineio.Config{AllowEIO3: true},
				Log:    slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			})
			gone := make(chan struct{})
			io.OnConnection(func(s *socketio.Socket) {
				s.On("boom", func(*socketio.Event) { panic("oops") })
				s.OnDisconnect(func(string) { close(gone) })
			})
			c := dialV2(t, url)
			c.send(packet)
			<-gone
			sum := sha256.Sum256([]byte(c.sid))
			logID := hex.EncodeToString(sum[:8])
			if text := log.String(); !strings.Contains(text, logID) || strings.Contains(text, c.sid) {
				t.Errorf("log says %s of session %s, which is %s in logs", text, c.sid, logID)
			}
		})
	}
}
