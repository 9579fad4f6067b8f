// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// shout answers each message in capitals.
type shout struct{ session *engineio.Session }

func (s *shout) OnMessage(data []byte, _ bool) {
	_ = s.session.Send(engineio.NewText([]byte(strings.ToUpper(string(data)))))
}

func (s *shout) OnClose(reason engineio.CloseReason, _ error) {
	fmt.Println("closed by", reason)
}

func Example() {
	engine, err := engineio.NewServer(engineio.Config{
		NewID:     func() (string, error) { return "example", nil },
		OnSession: func(s *engineio.Session) engineio.Handler { return &shout{s} },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	web := httptest.NewServer(engine)
	defer web.Close()

	request(web.Client(), "GET", web.URL+"/engine.io/?EIO=4&transport=polling", "")
	request(web.Client(), "POST", web.URL+"/engine.io/?EIO=4&transport=polling&sid=example", "4hello\x1e4world")
	request(web.Client(), "GET", web.URL+"/engine.io/?EIO=4&transport=polling&sid=example", "")
	engine.Close()
	// Output:
	// 0{"sid":"example","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}
	// ok
	// 4HELLO|4WORLD
	// closed by server shutting down
}

func request(client *http.Client, method, url, body string) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := client.Do(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(text), "\x1e", "|"))
}
