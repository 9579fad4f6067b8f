// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// holding connects, does something, and stays until the gateway ends the connection.
func holding(connect func(context.Context, *attacker) (*client, error), then func(context.Context, *client) error) func(context.Context, *attacker, *client) error {
	return func(ctx context.Context, a *attacker, _ *client) error {
		c, err := connect(ctx, a)
		if err != nil {
			return err
		}
		defer c.close()
		if err := then(ctx, c); err != nil {
			return err
		}
		a.done.Add(1)
		return c.untilEnd(ctx)
	}
}

func nothing(context.Context, *client) error { return nil }

// writes is a part of holding.
func writes(data []byte) func(context.Context, *client) error {
	return func(_ context.Context, c *client) error { return c.write(data) }
}

func dripping(head string) func(context.Context, *client) error {
	return func(ctx context.Context, c *client) error {
		if err := c.write([]byte(head)); err != nil {
			return err
		}
		c.a.done.Add(1)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for ctx.Err() == nil {
			if err := c.write([]byte("x")); err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
		return ctx.Err()
	}
}

func slowPost(ctx context.Context, c *client) error {
	return dripping("POST /socket.io/?"+c.session()+" HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n4")(ctx, c)
}

func waitingPoll(_ context.Context, c *client) error {
	return c.write([]byte("GET /socket.io/?" + c.session() + " HTTP/1.1\r\nHost: x\r\n\r\n"))
}

func pollingOnly(ctx context.Context, a *attacker) (*client, error) { return a.polling(ctx, "EIO=4") }

func socketOnly(ctx context.Context, a *attacker) (*client, error) { return a.socket(ctx, "EIO=4") }

// each are packets that are numbered.
func each(format string, n int) (all []byte) {
	for i := range n {
		all = append(all, text(strings.ReplaceAll(format, "%d", fmt.Sprint(i)))...)
	}
	return all
}

// deaf asks on and on, and never reads.
func deaf(data []byte) func(context.Context, *attacker, *client) error { return sending(data) }

// historian fills a room that has a history, before it misbehaves.
func historian(ctx context.Context, a *attacker) (*client, error) {
	c, err := joined(ctx, a)
	if err != nil {
		return nil, err
	}
	var all []byte
	for range 4 {
		all = append(all, text(`42["say","`+strings.Repeat("x", 50_000)+`"]`)...)
	}
	for i := range maxRooms + 100 { // as many as it may join at once
		all = append(all, texts(fmt.Sprintf(`42["join","busy %d"]`, i), fmt.Sprintf(`42["leave","busy %d"]`, i))...)
	}
	return c, c.write(all)
}

var heldRows = []row{
	{name: "connections", does: "connections without a request", like: "visit", clients: 200, act: holding(silent, nothing)},
	{name: "slow-headers", does: "a header that comes byte by byte", like: "visit", clients: 200, act: holding(silent, dripping("GET /socket.io/ HTTP/1.1\r\nx: "))},
	{name: "slow-posts", does: "posts that come byte by byte", like: "visit-polling", clients: 200, act: holding(pollingOnly, slowPost)},
	{name: "waiting-polls", does: "polls that wait", like: "visit-polling", clients: 200, act: holding(polls, waitingPoll)},
	{name: "half-open", does: "websockets that never join", like: "visit", clients: 200, act: holding(socketOnly, nothing)},
	{name: "half-upgraded", does: "upgrades that stop behind the probe", like: "visit-polling", clients: 200, act: holding(upgrading, writes(text("2probe")))},
	{name: "half-message", does: "a message of 900 kB but for its last byte", like: "plain-900000", clients: 64, act: holding(joined, writes(frame(opText, `42["e",`+usual(900_000)))), holds: 2 * payload, why: "a message and its copy"},
	{name: "half-frame", does: "a frame of 900 kB but for its last byte", like: "plain-900000", clients: 64, act: holding(joined, writes(cut(text(`42["e",`+usual(900_000)+`]`)))), holds: 2 * payload, why: "a message and its copy"},
	{name: "attachments-announced", does: "a packet whose ten attachments never come", like: "visit", clients: 200, act: holding(joined, writes(text(`4510-["e",`+placeholder0+`]`)))},
	{name: "attachments-missing", does: "nine attachments of 100 kB, of ten", like: "plain-900000", clients: 64, act: holding(joined, writes(attachments(9, 100_000))), holds: 9 * 100_000, why: "attachments, as large as they were sent"},
	{name: "many-namespaces", does: "64 namespaces of its own", like: "visit", clients: 64, act: holding(reading, writes(each("40/d/%d,", maxNamespaces))), holds: maxNamespaces * 20 * kib, why: "64 namespaces and sockets"},
	{name: "many-rooms", does: "1,000 rooms", like: "visit", clients: 64, act: holding(reading, writes(each(`42["join","room %d"]`, maxRooms))), holds: maxRooms * 2 * kib, why: "1,000 rooms"},
	{name: "no-acks", does: "handlers that wait for acknowledgements, which never come", like: "visit", clients: 200, act: holding(reading, writes(each(`42["ask"]`, 17))), holds: 16 * 6 * kib, why: "16 handlers"},
	{name: "deaf-echo", does: "events of 20 kB, and no reading of the answers", like: "echo-20000", clients: 32, prepare: joined, act: deaf(echoFrame(20_000)), holds: 4*mib + 20_000, why: "slowConsumers"},
	{name: "deaf-pings", does: "pings of websockets, and no reading of the answers", like: "echo-131", clients: 32, prepare: joined, act: deaf(repeated(frame(final|opPing, strings.Repeat("x", 125)))), holds: 4 * mib, why: "slowConsumers"},
	{name: "deaf-history", does: "joins a room with a history again and again, and does not read", like: "echo-17", service: serviceLog, clients: 16, prepare: historian, act: sending(repeated(texts(`42["join","long"]`, `42["leave","long"]`))), holds: 5 * mib, why: "slowConsumers, and a page of the history"},
}

// cut is all but the last byte.
func cut(data []byte) []byte { return data[:len(data)-1] }

// attachments are so many of ten that a packet has.
func attachments(n, size int) []byte {
	all := text(`4510-["e",` + placeholder0 + `]`)
	for range n {
		all = append(all, frame(final|opBinary, strings.Repeat("x", size))...)
	}
	return all
}
