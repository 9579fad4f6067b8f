// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
)

// kind is what a packet is to a client.
type kind int

const (
	kindOther   kind = iota
	kindPing         // to be answered with dialect.pong
	kindOpen         // to be answered with dialect.connect
	kindReady        // the client is connected
	kindAnswer       // to what it has asked for
	kindMessage      // with a stamp
	kindRefused
)

// dialect is what clients and a server say to each other in WebSocket text frames.
type dialect struct {
	path    string
	greets  bool // the server speaks first
	connect string
	pong    string
	// lines: a frame may hold several packets, each on a line.
	lines    bool
	classify func(packet []byte) kind
	// Packets that clients send; id asks for an answer.
	say, echo func(text []byte) []byte
	sayTo     func(room string, text []byte) []byte
	join      func(room string) []byte
}

var dialects = map[string]*dialect{"socketio": &socketIO, "centrifuge": &centrifugal}

// socketIO is Socket.IO v5 over Engine.IO v4, with the events of the guide's chat.
var socketIO = dialect{
	path:    "/socket.io/?EIO=4&transport=websocket",
	greets:  true,
	connect: "40",
	pong:    "3",
	classify: func(p []byte) kind {
		switch {
		case len(p) == 1 && p[0] == '2':
			return kindPing
		case len(p) < 2:
			return kindOther
		case p[0] == '0':
			return kindOpen
		case p[0] != '4':
			return kindOther
		}
		switch p[1] {
		case '0':
			return kindReady
		case '2':
			return kindMessage
		case '3':
			return kindAnswer
		case '4':
			return kindRefused
		}
		return kindOther
	},
	say:  func(text []byte) []byte { return fmt.Appendf(nil, `42["chatMessage","%s"]`, text) },
	echo: func(text []byte) []byte { return fmt.Appendf(nil, `421["echo","%s"]`, text) },
	sayTo: func(room string, text []byte) []byte {
		return fmt.Appendf(nil, `42["roomMessage","%s","%s"]`, room, text)
	},
	join: func(room string) []byte { return fmt.Appendf(nil, `421["joinRoom","%s"]`, room) },
}

// centrifugal is the JSON protocol of Centrifugo 4 and later. Everybody is in the channel "chat",
// which the server subscribes.
var centrifugal = dialect{
	path:    "/connection/websocket",
	connect: `{"id":1,"connect":{}}`,
	pong:    "{}",
	lines:   true,
	classify: func(p []byte) kind {
		switch {
		case len(p) == 2:
			return kindPing
		case bytes.HasPrefix(p, []byte(`{"push":`)):
			return kindMessage
		case bytes.Contains(p, []byte(`"error":`)):
			return kindRefused
		case bytes.HasPrefix(p, []byte(`{"id":1,`)):
			return kindReady
		case bytes.HasPrefix(p, []byte(`{"id":2,`)):
			return kindAnswer
		}
		return kindOther
	},
	say: func(text []byte) []byte { return fmt.Appendf(nil, `{"send":{"data":{"text":"%s"}}}`, text) },
	echo: func(text []byte) []byte {
		return fmt.Appendf(nil, `{"id":2,"rpc":{"method":"echo","data":"%s"}}`, text)
	},
	sayTo: func(room string, text []byte) []byte {
		return fmt.Appendf(nil, `{"send":{"data":{"room":"%s","text":"%s"}}}`, room, text)
	},
	join: func(room string) []byte { return fmt.Appendf(nil, `{"id":2,"subscribe":{"channel":"%s"}}`, room) },
}
