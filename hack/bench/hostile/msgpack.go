// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/gorilla/websocket"
)

func msgpackString(s string) string {
	if len(s) < 32 {
		return string([]byte{0xa0 | byte(len(s))}) + s
	}
	return string([]byte{0xd9, byte(len(s))}) + s
}

// msgpackEvent is an event named e of the main namespace, with one argument if that is not empty.
func msgpackEvent(argument string) string {
	data := "\x91" + msgpackString("e")
	if argument != "" {
		data = "\x92" + msgpackString("e") + argument
	}
	return "\x83" + msgpackString("type") + "\x02" + msgpackString("nsp") + msgpackString("/") + msgpackString("data") + data
}

// msgpackList is a list of the same element.
func msgpackList(n int, element string) string {
	return string(binary.BigEndian.AppendUint32([]byte{0xdd}, uint32(n))) + strings.Repeat(element, n)
}

// msgpackUsual is what usual is, of about so many bytes.
func msgpackUsual(size int) string {
	one := "\x85" + msgpackString("id") + "\xcd\x30\x39" + msgpackString("from") + msgpackString("alice") +
		msgpackString("text") + msgpackString(`hello "world", this is a message`) + msgpackString("tags") + "\x92" + msgpackString("a") + msgpackString("b") +
		msgpackString("read") + "\xc2"
	return msgpackList(size/len(one), one)
}

var msgpackDialect = dialect{
	websocket.BinaryMessage, msgpackConnect,
	func(id int) []byte {
		packet := []byte("\x84" + msgpackString("type") + "\x02" + msgpackString("nsp") + msgpackString("/") +
			msgpackString("data") + "\x91" + msgpackString("echo") + msgpackString("id") + "\xce")
		return binary.BigEndian.AppendUint32(packet, uint32(id))
	},
	func(answer []byte) (int, error) {
		_, number, ok := bytes.Cut(answer, []byte(msgpackString("id")))
		if !ok || len(number) == 0 {
			return 0, errors.New("no id")
		}
		size := 0
		switch number[0] {
		case 0xcc, 0xcd, 0xce, 0xcf:
			size = 1 << (number[0] - 0xcc)
		default:
			return int(number[0]), nil
		}
		if len(number) < 1+size {
			return 0, errors.New("half an id")
		}
		id := 0
		for _, b := range number[1 : 1+size] {
			id = id<<8 | int(b)
		}
		return id, nil
	},
}

var msgpackConnect = "\x82" + msgpackString("type") + "\x00" + msgpackString("nsp") + msgpackString("/")

// readingMsgpack is a client that has joined, and reads all that comes.
func readingMsgpack(ctx context.Context, a *attacker) (*client, error) {
	c, err := a.joinBy(ctx, "EIO=4", frame(final|opBinary, msgpackConnect))
	if err != nil {
		return nil, err
	}
	c.readOn()
	return c, nil
}
