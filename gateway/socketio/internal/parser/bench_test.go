// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"strings"
	"testing"
)

// An event of a hundred bytes, as those of chats are, and one that wants an answer.
var (
	chatEvent = []byte(`2["chatMessage","` + strings.Repeat("hello, all of you out there ", 4) + `"]`)
	echoEvent = []byte(`21["echo","` + strings.Repeat("hello, all of you out there ", 4) + `"]`)
)

func BenchmarkDecode(b *testing.B) {
	for name, event := range map[string][]byte{
		"chat": chatEvent,
		"ack":  echoEvent,
		"json": []byte(`2["move",{"x":12.5,"y":-3,"who":{"id":"a1","tags":["red","blue"]}}]`),
	} {
		b.Run(name, func(b *testing.B) {
			data := make([]byte, len(event))
			var d Decoder
			b.ReportAllocs()
			for b.Loop() {
				copy(data, event) // decoding writes into it
				var p Packet
				if _, err := d.Add(JSON, data, false, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeAck(b *testing.B) {
	payload := echoEvent[len(`21["echo",`)-1:]
	b.ReportAllocs()
	for b.Loop() {
		p := Packet{Type: Ack, Namespace: "/", ID: 1, HasID: true, Payload: payload}
		if JSON.Encode(&p).Message == nil {
			b.Fatal("no message")
		}
	}
}

func BenchmarkEncodeMsgpack(b *testing.B) {
	for name, payload := range map[string]string{
		"chat":   `["` + strings.Repeat("hello, all of you out there ", 4) + `"]`,
		"json":   `[{"x":12.5,"y":-3,"who":{"id":"a1","tags":["red","blue"]}}]`,
		"binary": `[{"name":"a","body":{"_placeholder":true,"num":0}}]`,
	} {
		b.Run(name, func(b *testing.B) {
			p := Packet{Type: Event, Namespace: "/", Event: "move", Payload: []byte(payload), Attachments: [][]byte{make([]byte, 100)}}
			b.ReportAllocs()
			for b.Loop() {
				if len(Msgpack.Encode(&p).Attachments) != 1 {
					b.Fatal("not encoded")
				}
			}
		})
	}
}
