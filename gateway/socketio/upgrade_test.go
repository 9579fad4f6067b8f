// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestUpgradeIsTold(t *testing.T) {
	io, url := server(t, socketio.Options{})
	told := make(chan string, 4)
	io.OnConnection(func(s *socketio.Socket) {
		began := s.Transport()
		off := s.OnUpgrade(func(string) { t.Error("told after off") })
		off()
		s.OnUpgrade(func(transport string) { told <- began + " to " + transport + ", " + s.Transport() })
	})
	p := newPoller(t, url)
	p.post("40")
	if status, payload := p.get(); status != 200 || !strings.HasPrefix(payload, "40{") {
		t.Fatalf("answer %d %s", status, payload)
	}
	_, sid, _ := strings.Cut(p.url, "&sid=")
	c := wiretest.Upgrade(t, url, path, sid)
	c.Send("2probe")
	c.Expect("3probe")
	c.Send("5")
	if got := <-told; got != "polling to websocket, websocket" {
		t.Errorf("told %q", got)
	}
	direct := wiretest.Dial(t, url, path, "", nil) // which has nothing to upgrade to
	direct.Join("/")
	if len(told) > 0 {
		t.Errorf("told %q besides", <-told)
	}
}
