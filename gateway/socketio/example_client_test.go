// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// exampleClient stands for a browser in the examples: it shows the packets as they are.
type exampleClient struct{ conn *websocket.Conn }

// serve runs a server for an example, and returns what connects clients to it and what ends all.
func serve(io *socketio.Server) (dial func(namespace, auth string) *exampleClient, stop func()) {
	hs := httptest.NewServer(io)
	var clients []*exampleClient
	dial = func(namespace, auth string) *exampleClient {
		c := dialExample(hs.URL, namespace, auth)
		clients = append(clients, c)
		return c
	}
	return dial, func() {
		for _, c := range clients {
			c.conn.Close()
		}
		io.Close()
		hs.Close()
	}
}

// dialExample connects, and joins a namespace unless that is empty.
func dialExample(url, namespace, auth string) *exampleClient {
	u := strings.Replace(url, "http", "ws", 1) + socketio.DefaultPath + "?EIO=4&transport=websocket"
	conn, resp, err := websocket.DefaultDialer.Dial(u, nil)
	if err != nil {
		panic(err)
	}
	resp.Body.Close()
	c := &exampleClient{conn}
	c.receive() // the open packet
	if namespace == "" {
		return c
	}
	if namespace == "/" {
		c.send("40" + auth)
	} else {
		c.send("40" + namespace + "," + auth)
	}
	if got := c.receive(); !strings.HasPrefix(got, "40") {
		panic("refused: " + got)
	}
	return c
}

func (c *exampleClient) send(packet string) {
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		panic(err)
	}
}

// receive is the next packet, but for pings, which a browser answers unseen.
func (c *exampleClient) receive() string {
	for {
		kind, data, err := c.conn.ReadMessage()
		if err != nil {
			panic(err)
		}
		switch {
		case kind == websocket.BinaryMessage:
			return fmt.Sprint("binary ", data)
		case string(data) != "2":
			return string(data)
		}
	}
}
