// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"
	"strings"
)

// manyHeaders are short ones, of about so many bytes together.
func manyHeaders(size int) string {
	var all strings.Builder
	for i := 0; all.Len() < size; i++ {
		all.WriteString("x" + strings.Repeat("y", i%7) + ": z\r\n")
	}
	return all.String()
}

// begins opens a session by polling, does something, and leaves the session behind.
func begins(ctx context.Context, a *attacker, then func(*client) error) error {
	c, err := a.polling(ctx, "EIO=4")
	if err != nil {
		return err
	}
	defer c.close()
	if err := then(c); err != nil {
		return err
	}
	a.done.Add(1)
	return errAgain
}

func forgets(ctx context.Context, a *attacker, _ *client) error {
	return begins(ctx, a, func(*client) error { return nil })
}

// aborts goes away from a poll.
func aborts(ctx context.Context, a *attacker, _ *client) error {
	return begins(ctx, a, func(c *client) error {
		return c.write([]byte("GET /socket.io/?" + c.session() + " HTTP/1.1\r\nHost: x\r\n\r\n"))
	})
}

// emptyPost ends its session.
func emptyPost(ctx context.Context, a *attacker, _ *client) error {
	return begins(ctx, a, func(c *client) error {
		_, err := c.request(http.MethodPost, c.session(), "", "", http.StatusBadRequest)
		return err
	})
}

// hugePost is refused, and the connection with it.
func hugePost(ctx context.Context, a *attacker, _ *client) error {
	return begins(ctx, a, func(c *client) error {
		_, err := c.request(http.MethodPost, c.session(), "", strings.Repeat("x", 2*mib), http.StatusRequestEntityTooLarge)
		return err
	})
}

// upgrading opens a session and a websocket that could take over.
func upgrading(ctx context.Context, a *attacker) (*client, error) {
	c, err := a.polling(ctx, "EIO=4")
	if err != nil {
		return nil, err
	}
	defer c.close()
	ws, err := a.socket(ctx, "EIO=4&sid="+c.sid)
	if err != nil {
		return nil, err
	}
	ws.readOn()
	return ws, nil
}

// probes asks again and again whether the websocket could take over, until the gateway has had
// enough.
func probes(ctx context.Context, a *attacker, _ *client) error {
	ws, err := upgrading(ctx, a)
	if err != nil {
		return err
	}
	defer ws.close()
	if err := ws.write(repeated(text("2probe"))); err != nil {
		return err
	}
	return ws.untilEnd(ctx)
}

const polling4 = "EIO=4&transport=polling"

var requestRows = []row{
	{name: "post-pongs", does: "posts of one pong", like: "post-small", clients: 16, prepare: polls, act: posting("3")},
	{name: "post-packets", does: "posts of 16 kB, a pong in two bytes", like: "post-events", clients: 16, prepare: polls, act: posting(packets("3"))},
	{name: "post-pings-v3", does: "posts of 16 kB by a 2.x client, a ping in three bytes, which nobody fetches the answers to", like: "post-echo", clients: 16, prepare: polls3, act: posting(strings.Repeat("1:2", 16_000/3)), holds: 4 * mib, why: "slowConsumers"},
	{name: "post-empty-v3", does: "posts of 16 kB by a 2.x client, two bytes for nothing", like: "post-events", clients: 16, prepare: polls3, act: posting(strings.Repeat("0:", 8000))},
	{name: "post-connects", does: "posts of 16 kB, CONNECTs to a namespace that there is not; nobody fetches the answers", like: "post-echo", clients: 16, prepare: polls, act: posting(packets("40/x,")), holds: 4 * mib, why: "slowConsumers"},
	{name: "post-binary", does: "posts of 16 kB, empty attachments that nobody has announced", like: "visit-polling", clients: 16, act: func(ctx context.Context, a *attacker, _ *client) error {
		return begins(ctx, a, func(c *client) error { return c.post(packets("b")) })
	}},
	{name: "post-unknown", does: "posts to sessions that there are not", like: "post-small", clients: 16, prepare: silent, act: requesting(http.MethodPost, polling4+"&sid=x", "", `42["e"]`, http.StatusBadRequest)},
	{name: "post-empty", does: "opens a session, posts nothing", like: "visit-polling", clients: 16, act: emptyPost},
	{name: "post-oversized", does: "opens a session, posts 2 MiB", like: "post-900000", clients: 4, act: hugePost},
	{name: "get-unknown", does: "polls of sessions that there are not", like: "post-small", clients: 16, prepare: silent, act: requesting(http.MethodGet, polling4+"&sid=x", "", "", http.StatusBadRequest)},
	{name: "get-query", does: "the same, with 12 kB of parameters", like: "post-16000", clients: 16, prepare: silent, act: requesting(http.MethodGet, polling4+"&sid=x"+strings.Repeat("&a", 6000), "", "", http.StatusBadRequest)},
	{name: "get-escapes", does: "the same, with 12 kB of escapes", like: "post-16000", clients: 16, prepare: silent, act: requesting(http.MethodGet, polling4+"&sid=x&a="+strings.Repeat("%20", 4000), "", "", http.StatusBadRequest)},
	{name: "get-headers", does: "the same, with 12 kB of headers", like: "post-16000", clients: 16, prepare: silent, act: requesting(http.MethodGet, polling4+"&sid=x", manyHeaders(12_000), "", http.StatusBadRequest)},
	{name: "handshake-headers", does: "handshakes with 12 kB of headers, which are refused", like: "post-16000", clients: 16, prepare: silent, act: requesting(http.MethodGet, polling4, manyHeaders(12_000), "", http.StatusRequestHeaderFieldsTooLarge)},
	{name: "handshakes", does: "opens sessions by polling and forgets them", like: "visit-polling", clients: 16, act: forgets},
	{name: "aborted-polls", does: "opens a session, polls and goes", like: "visit-polling", clients: 16, act: aborts},
	{name: "probes", ends: "closed with 1005", does: "probes of an upgrade, again and again", like: "visit-polling", clients: 16, act: probes},
}
