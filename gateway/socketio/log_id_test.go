// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A session's id is a bearer secret, and a 2.x client's socket has it as its own id.
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
			ids, gone := make(chan string, 1), make(chan struct{})
			io.OnConnection(func(s *socketio.Socket) {
				ids <- s.LogID()
				s.On("boom", func(*socketio.Event) { panic("oops") })
				s.OnDisconnect(func(string) { close(gone) })
			})
			c := dialV2(t, url)
			c.send(packet)
			<-gone
			id := <-ids
			_, hash, _ := strings.Cut(id, "#")
			if text := log.String(); !strings.Contains(text, hash) || strings.Contains(text+id, c.sid) {
				t.Errorf("log says %s of session %s, socket %s", text, c.sid, id)
			}
		})
	}
}
