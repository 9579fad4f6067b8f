// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

const placeholder0 = `{"_placeholder":true,"num":0}`

// nested is JSON of lists within lists, as deep as is allowed, of about so many bytes.
func nested(size int) string {
	const depth = 500
	one := strings.Repeat("[", depth) + strings.Repeat("]", depth)
	return strings.TrimSuffix(strings.Repeat(one+",", size/len(one)), ",")
}

// tiny are the bytes of a message in frames of one each.
func tiny(message string) (all []byte) {
	all = frame(opText, message[:1])
	for i := 1; i < len(message)-1; i++ {
		all = append(all, frame(opContinuation, message[i:i+1])...)
	}
	return append(all, frame(final|opContinuation, message[len(message)-1:])...)
}

// hollow is a message in two frames, with empty ones in between.
func hollow(message string, n int) []byte {
	return slices.Concat(frame(opText, message), bytes.Repeat(frame(opContinuation, ""), n), frame(final|opContinuation, ""))
}

// strung is a list of strings.
func strung(n int) string { return strings.TrimSuffix(strings.Repeat(`"element",`, n), ",") }

// crowd is in the lobby with all the others.
func crowd(ctx context.Context, a *attacker) (*client, error) {
	c, err := reading(ctx, a)
	if err != nil {
		return nil, err
	}
	return c, c.write(text(`42["join","lobby"]`))
}

// busy has joined and left as many namespaces and rooms as it may at once.
func busy(ctx context.Context, a *attacker) (*client, error) {
	var all []byte
	for i := range 2 * maxNamespaces {
		all = append(all, texts(fmt.Sprintf("40/d/busy%d,", i), fmt.Sprintf("41/d/busy%d,", i))...)
	}
	for i := range maxRooms + 100 {
		all = append(all, texts(fmt.Sprintf(`42["join","busy %d"]`, i), fmt.Sprintf(`42["leave","busy %d"]`, i))...)
	}
	return a.joinedAfter(ctx, all)
}

// after is a client that reads, once the gateway has done what it sent.
func (a *attacker) after(ctx context.Context, data []byte) (*client, error) {
	c, err := a.joinedAfter(ctx, data)
	if err == nil {
		c.readOn()
	}
	return c, err
}

// joinedAfter is one that does not read.
func (a *attacker) joinedAfter(ctx context.Context, data []byte) (*client, error) {
	c, err := joined(ctx, a)
	if err != nil {
		return nil, err
	}
	if err = c.write(append(data, text(`42999["echo"]`)...)); err == nil {
		err = c.readUntil("43999[]")
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// busyReading is one that reads.
func busyReading(ctx context.Context, a *attacker) (*client, error) {
	c, err := busy(ctx, a)
	if err == nil {
		c.readOn()
	}
	return c, err
}

// churn joins namespaces and leaves those that it has been let into.
func churn(_ context.Context, a *attacker, c *client) error {
	const atOnce = maxNamespaces / 2
	var piece []byte
	for range atOnce {
		piece = append(piece, text(fmt.Sprintf("40/d/%d,", a.serial.Add(1)))...)
	}
	for range 8 { // those that are let in are left by the end of this write
		if err := c.write(piece); err != nil {
			return err
		}
		piece = nil
		for range atOnce {
			answer, err := c.read()
			if err != nil {
				return err
			}
			if name, _, ok := strings.Cut(answer, ","); ok && strings.HasPrefix(answer, "40") {
				piece = append(piece, text("41"+name[2:]+",")...)
			}
		}
		for range atOnce {
			piece = append(piece, text(fmt.Sprintf("40/d/%d,", a.serial.Add(1)))...)
		}
	}
	return nil
}

// roomy is in nearly as many rooms as it may be.
func roomy(ctx context.Context, a *attacker) (*client, error) {
	return a.after(ctx, each(`42["join","room %d"]`, maxRooms-10))
}

// left is out of the namespace again.
func left(ctx context.Context, a *attacker) (*client, error) {
	c, err := reading(ctx, a)
	if err != nil {
		return nil, err
	}
	return c, c.write(text("41"))
}

var frameRows = []row{
	{
		name: "fragments-empty", does: "messages in frames without any bytes", like: "plain-13", clients: 16,
		prepare: reading, act: sending(hollow(`42["e"]`, pieceSize/6)),
	},
	{
		name: "fragments-tiny", does: "messages in frames of one byte", like: "plain-13", clients: 16,
		prepare: reading, act: sending(tiny(`42["note",` + usual(1000) + `]`)),
	},
	{name: "websocket-pings", does: "empty pings of websockets", like: "echo-17", clients: 16, prepare: reading, act: sending(repeated(frame(final|opPing, "")))},
	{
		name: "websocket-pings-125", does: "pings of 125 bytes", like: "echo-131", clients: 16, prepare: reading,
		act: sending(repeated(frame(final|opPing, strings.Repeat("x", 125)))),
	},
	{name: "websocket-pongs", does: "empty pongs", like: "plain-13", clients: 16, prepare: reading, act: sending(repeated(frame(final|opPong, "")))},
	{name: "pongs", does: "pongs of Engine.IO that nobody waits for", like: "plain-13", clients: 16, prepare: reading, act: sending(repeated(text("3")))},
	{name: "noops", does: "noop packets", like: "plain-13", clients: 16, prepare: reading, act: sending(repeated(text("6")))},
	{name: "pings-v3", does: "pings of a 2.x client", like: "echo-17", clients: 16, prepare: reading3, act: sending(repeated(text("2")))},
	{name: "events-v3", does: "events of a 2.x client", like: "plain-13", clients: 16, prepare: reading3, act: sending(repeated(text(`42["e"]`)))},
	{
		name: "empty-attachments", does: "events with ten attachments of no bytes", like: "plain-13", clients: 16, prepare: reading,
		act: sending(repeated(slices.Concat(text(`4510-["e",`+placeholder0+`]`), bytes.Repeat(frame(final|opBinary, ""), 10)))),
	},
	{
		name: "base64-attachments", does: "attachments of 900 kB in base64", like: "plain-900000", clients: 4, prepare: reading,
		act: sending(slices.Concat(text(`451-["e",`+placeholder0+`]`), text("b"+base64.StdEncoding.EncodeToString(make([]byte, 660_000))))),
	},
	{name: "nested", does: "events of 900 kB, of lists 500 deep", like: "plain-900000", clients: 4, prepare: reading, act: sending(text(`42["e",` + nested(900_000) + `]`))},
	{
		name: "nested-attachment", does: "the same with an attachment", like: "plain-900000", clients: 4, prepare: reading,
		act: sending(slices.Concat(text(`451-["e",`+placeholder0+`,`+nested(900_000)+`]`), frame(final|opBinary, "x"))),
	},
	{
		name: "nested-names", does: "events of 900 kB, of objects and short strings", like: "plain-900000", clients: 4, prepare: reading,
		act: sending(text(`42["e",` + strings.TrimSuffix(strings.Repeat(`{"":{"":""}},`, 900_000/13), ",") + `]`)),
	},
	{
		name: "near-placeholders", does: "an attachment, and objects that are nearly placeholders", like: "plain-900000", clients: 4, prepare: reading,
		act: sending(slices.Concat(text(`451-["e",`+placeholder0+`,`+strings.TrimSuffix(strings.Repeat(`{"_placeholder":1},`, 900_000/19), ",")+`]`), frame(final|opBinary, "x"))),
	},
	{name: "acks-unasked", does: "acknowledgements that nobody has asked for", like: "plain-13", clients: 16, prepare: reading, act: sending(repeated(text(`431["e"]`)))},
	{name: "unknown-namespaces", does: "CONNECTs to namespaces that there are not", like: "echo-17", clients: 16, prepare: reading, act: sendingNew("40/no%d,")},
	{
		name: "large-auth", does: "CONNECTs with 19 kB of auth, which are refused", like: "echo-20000", clients: 16, prepare: reading,
		act: sending(text(`40/d/x,{"auth":[` + usual(19_000) + `]}`)),
	},
	{name: "namespaces", does: "joins and leaves a namespace, one that is made for it", like: "echo-17", clients: 16, prepare: busy, act: churn, holds: maxNamespaces * 20 * kib, why: "64 namespaces and sockets"},
	{name: "rejoins", does: "joins and leaves the same namespace", like: "echo-17", clients: 16, prepare: left, act: sending(repeated(texts("40", "41")))},
	{name: "rooms-again", does: "is in 990 rooms, leaves one and joins it again", like: "echo-17", clients: 16, prepare: roomy, act: sending(repeated(texts(`42["leave","room 1"]`, `42["join","room 1"]`))), holds: maxRooms * 2 * kib, why: "1,000 rooms"},
	{name: "subscriptions", does: "joins and leaves a room, which is subscribed to for it", like: "echo-17", clients: 16, prepare: busyReading, act: sendingNew("42[\"join\",\"r%d\"]\n42[\"leave\",\"r%d\"]")},
	{name: "after-leaving", does: "events to a namespace that it has left", like: "plain-13", clients: 16, prepare: left, act: sending(repeated(text(`42["e"]`)))},
	{name: "who-is-there", does: "asks for a room's 64 members", like: "echo-17", asked: true, holds: 4 * mib, why: "slowConsumers, where the client is slower", clients: 64, prepare: crowd, act: sending(repeated(text(`420["who","lobby"]`)))},
	{
		name: "loop", does: "an expression with a loop over 45,000 strings", like: "plain-900000", asked: true, clients: 4, prepare: reading,
		act: sending(text(`42["find",[` + strung(45_000) + `]]`)),
	},
	{
		name: "loop-small", does: "the same over 10 strings", like: "plain-100", asked: true, clients: 16, prepare: reading,
		act: sending(repeated(text(`42["find",[` + strung(10) + `]]`))),
	},
	{name: "unknown-packets", ends: "closed with 1005", does: "joins, sends a packet of no type", like: "visit", clients: 16, act: refused(text("9"))},
	{name: "too-deep", ends: "closed with 1005", does: "joins, sends lists 5,000 deep", like: "visit", clients: 16, act: refused(text(`42["e",` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `]`))},
	{name: "many-attachments", ends: "closed with 1005", does: "joins, announces 1,000,000 attachments", like: "visit", clients: 16, act: refused(text(fmt.Sprintf(`45%d-["e",`+placeholder0+`]`, payload)))},
	{name: "oversized", ends: "closed with 1009", does: "joins, sends a message of 2 MiB", like: "plain-900000", clients: 4, act: refused(text("4" + strings.Repeat("x", 2*mib)))},
	{
		name: "msgpack-nils", does: "msgpack of 900 kB, a byte each", like: "msgpack-900000", service: serviceMsgpack, clients: 4,
		prepare: readingMsgpack, act: sending(frame(final|opBinary, msgpackEvent(msgpackList(900_000, "\xc0")))),
	},
	{
		name: "msgpack-lists", does: "msgpack of 900 kB, of empty lists", like: "msgpack-900000", service: serviceMsgpack, clients: 4,
		prepare: readingMsgpack, act: sending(frame(final|opBinary, msgpackEvent(msgpackList(900_000, "\x90")))),
	},
	{
		name: "msgpack-small", does: "the smallest events of msgpack", like: "plain-13", service: serviceMsgpack, clients: 16,
		prepare: readingMsgpack, act: sending(repeated(frame(final|opBinary, msgpackEvent("")))),
	},
}
