// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// row is a way to use a gateway, or to misuse it.
type row struct {
	name, does string
	// like is the row of plain messages that it is compared with; empty for those.
	like    string
	service string // serviceJSON if empty
	clients int
	// prepare connects a client before the attack begins; nil: there is none, and act gets nil.
	prepare func(context.Context, *attacker) (*client, error)
	// act is done again and again, until it fails.
	act func(context.Context, *attacker, *client) error
	// holds is what docs/reference/limits.md lets a client make a gateway hold by this, beyond the
	// 64 KiB that any may, in bytes.
	holds int
	why   string
	// ends is how the gateway is to end connections; empty: it lets them be, at least at first.
	ends string
	// asked: the manifest itself asks for the work, so no goal says what a byte may cost.
	asked bool
}

const (
	kib           = 1 << 10
	mib           = 1 << 20
	payload       = 1_000_000 // protocol.maxPayload
	maxNamespaces = 64
	maxRooms      = 1000
)

var rows = slices.Concat(plainRows, frameRows, requestRows, heldRows)

func rowNamed(name string) (row, error) {
	for _, r := range append(slices.Clone(rows), overLimitRow) {
		if r.name == name {
			return r, nil
		}
	}
	return row{}, fmt.Errorf("there is no row %q", name)
}

// sending sends the same again and again.
func sending(data []byte) func(context.Context, *attacker, *client) error {
	return func(_ context.Context, _ *attacker, c *client) error { return c.write(data) }
}

// sendingNew sends text that a number makes new each time, several in one write.
func sendingNew(format string) func(context.Context, *attacker, *client) error {
	return func(_ context.Context, a *attacker, c *client) error {
		var piece []byte
		for len(piece) < pieceSize {
			n := a.serial.Add(1)
			for _, packet := range strings.Split(strings.ReplaceAll(format, "%d", fmt.Sprint(n)), "\n") {
				piece = append(piece, text(packet)...)
			}
		}
		return c.write(piece)
	}
}

func plain(size int) row {
	return row{
		name: fmt.Sprint("plain-", size), does: fmt.Sprintf("events in frames of %d bytes", size), clients: 16,
		prepare: reading, act: sending(repeated(plainFrame(size))),
	}
}

// plainFrame has the smallest event there is, or one with arguments.
func plainFrame(size int) []byte {
	if size < 64 {
		return text(`42["e"]`)
	}
	return text(`42["note",` + usual(size-20) + `]`)
}

func echo(size int) row {
	return row{
		name: fmt.Sprint("echo-", size), does: fmt.Sprintf("events in frames of %d bytes, each acknowledged", size), clients: 16,
		prepare: reading, act: sending(repeated(echoFrame(size))),
	}
}

func echoFrame(size int) []byte {
	if size < 64 {
		return text(`420["echo"]`)
	}
	return text(`420["echo",` + usual(size-20) + `]`)
}

// posting sends bodies.
func posting(body string) func(context.Context, *attacker, *client) error {
	return func(_ context.Context, _ *attacker, c *client) error { return c.post(body) }
}

// packets are as many as fit into a body of 16 kB.
func packets(packet string) string {
	const size = 16_000
	return strings.TrimSuffix(strings.Repeat(packet+"\x1e", size/(len(packet)+1)), "\x1e")
}

// plainRows are what others are compared with: a row with the one whose frames or requests have the
// size of its own, or the next.
var plainRows = []row{
	plain(13), plain(100), plain(1000), plain(20_000), plain(900_000),
	echo(17), echo(131), echo(20_000),
	{
		name: "msgpack-900000", does: "events of 900 kB by msgpack", service: serviceMsgpack, clients: 4,
		prepare: readingMsgpack, act: sending(frame(final|opBinary, msgpackEvent(msgpackUsual(payload-100_000)))),
	},
	{name: "visit", does: "connects by websocket, joins, has one event acknowledged, leaves", clients: 16, act: visit},
	{name: "visit-polling", does: "the same by polling", clients: 16, act: visitPolling},
	{name: "post-small", does: "posts of one event", clients: 16, prepare: polls, act: posting(`42["e"]`)},
	{name: "post-16000", does: "posts of one event of 16 kB", clients: 16, prepare: polls, act: posting(`42["note",` + usual(16_000) + `]`)},
	{name: "post-900000", does: "posts of one event of 900 kB", clients: 4, prepare: polls, act: posting(`42["note",` + usual(900_000) + `]`)},
	{name: "post-events", does: "posts of 16 kB, with an event in 8 bytes", clients: 16, prepare: polls, act: posting(packets(`42["e"]`))},
	{name: "post-echo", does: "posts of 16 kB, events; nobody fetches the answers", clients: 16, prepare: polls, act: posting(packets(`420["echo"]`)), holds: 4 * mib, why: "slowConsumers"},
}

func visit(ctx context.Context, a *attacker, _ *client) error {
	c, err := joined(ctx, a)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.write(text(`420["echo",1]`)); err != nil {
		return err
	}
	if _, err := c.read(); err != nil {
		return err
	}
	if err := c.write(texts("41", "1")); err != nil {
		return err
	}
	a.done.Add(1)
	return errAgain
}

func visitPolling(ctx context.Context, a *attacker, _ *client) error {
	c, err := polls(ctx, a)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.post(`420["echo",1]`); err != nil {
		return err
	}
	if _, err := c.poll(); err != nil {
		return err
	}
	if err := c.post("41\x1e1"); err != nil {
		return err
	}
	a.done.Add(1)
	return errAgain
}

// refused sends something once it has joined, and waits to be thrown out.
func refused(data []byte) func(context.Context, *attacker, *client) error {
	return func(ctx context.Context, a *attacker, _ *client) error {
		c, err := joined(ctx, a)
		if err != nil {
			return err
		}
		defer c.close()
		if err := c.write(data); err != nil {
			return err
		}
		a.done.Add(1)
		return c.untilEnd(ctx)
	}
}

// requesting sends the same request again and again, which has a certain answer.
func requesting(method, query, headers, body string, want int) func(context.Context, *attacker, *client) error {
	return func(_ context.Context, _ *attacker, c *client) error {
		_, err := c.request(method, query, headers, body, want)
		return err
	}
}
