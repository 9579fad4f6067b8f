// SPDX-License-Identifier: Apache-2.0

package wiretest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// A test that takes longer than pingInterval reads what it waits for.
func TestPingsAreAnsweredAndNotSeen(t *testing.T) {
	answered := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		for _, packet := range []string{`0{"sid":"a"}`, "2", "4hello"} {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
				t.Error(err)
			}
		}
		_, data, err := conn.ReadMessage()
		if err != nil {
			t.Error(err)
		}
		answered <- string(data)
	}))
	defer server.Close()
	wiretest.Dial(t, server.URL, "/", "", nil).Expect("4hello")
	if got := <-answered; got != "3" {
		t.Errorf("the ping is answered %q", got)
	}
}
