// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

func TestLogsNameNoSessionID(t *testing.T) {
	var log bytes.Buffer
	s := enginetest.Start(t, with(func(c *engineio.Config) {
		c.ErrorLog = slog.New(slog.NewTextHandler(&log, nil))
		onSession := c.OnSession
		c.OnSession = func(session *engineio.Session) engineio.Handler {
			onSession(session)
			return handler{message: func([]byte) { panic("oops") }, close: func(engineio.CloseReason) {}}
		}
	}))
	p := s.Poll()
	p.Post("4hello")
	p.WantGone()
	text := log.String()
	if !strings.Contains(text, "oops") || !strings.Contains(text, p.LogID()) || strings.Contains(text, p.ID()) {
		t.Errorf("log says %s", text)
	}
}
