//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"
)

// clients are stock Socket.IO clients in one Node process (clients/clients.mjs). It ends with the
// test.
type clients struct {
	t      *testing.T
	orders io.WriteCloser

	mu      sync.Mutex
	seen    []clientEvent // guarded by mu
	changed chan struct{} // guarded by mu; closed when seen grows
}

// clientEvent is what a client saw: an event of the service, or connect, disconnect, connect_error.
type clientEvent struct {
	Client string `json:"client"`
	Event  string `json:"event"`
	Args   []any  `json:"args"`
	// at is when it was seen here.
	at time.Time
}

func (e clientEvent) String() string { return fmt.Sprintf("%s %s%v", e.Client, e.Event, e.Args) }

// startClients starts them, with variables added to their environment.
func startClients(t *testing.T, environment ...string) *clients {
	t.Helper()
	command := exec.Command("node", "clients/clients.mjs")
	command.Env = append(os.Environ(), environment...)
	orders, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	command.Stderr = t.Output()
	if err := command.Start(); err != nil {
		t.Fatalf("starting the clients: %v", err)
	}
	c := &clients{t: t, orders: orders, changed: make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(output)
	}()
	t.Cleanup(func() {
		orders.Close()
		<-read
		if err := command.Wait(); err != nil {
			t.Errorf("the clients' process: %v", err)
		}
	})
	return c
}

func (c *clients) read(output io.Reader) {
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event clientEvent
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			c.t.Errorf("the clients said %q: %v", lines.Text(), err)
			return
		}
		event.at = time.Now()
		c.mu.Lock()
		c.seen = append(c.seen, event)
		close(c.changed)
		c.changed = make(chan struct{})
		c.mu.Unlock()
	}
}

func (c *clients) order(fields map[string]any) {
	c.t.Helper()
	line, err := json.Marshal(fields)
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.orders.Write(append(line, '\n')); err != nil {
		c.t.Fatalf("ordering the clients: %v", err)
	}
}

// connect connects a client by websocket alone, so that it stays where the Service has sent it
// first.
func (c *clients) connect(client, url string) {
	c.t.Helper()
	c.order(map[string]any{"do": "connect", "client": client, "url": url, "options": map[string]any{"transports": []string{"websocket"}}})
	c.wait(client, "connect", 20*time.Second, anything)
}

// poll begins to connect a client that polls, each request by a connection of its own.
func (c *clients) poll(client, url string) {
	c.t.Helper()
	options := map[string]any{"transports": []string{"polling"}, "agent": false}
	c.order(map[string]any{"do": "connect", "client": client, "url": url, "options": options})
}

// upgrade begins to connect a client as it is by default: it polls, and goes over to WebSocket.
func (c *clients) upgrade(client, url string) {
	c.t.Helper()
	c.order(map[string]any{"do": "connect", "client": client, "url": url, "options": map[string]any{}})
}

func (c *clients) emit(client, event string, args ...any) {
	c.t.Helper()
	c.order(map[string]any{"do": "emit", "client": client, "event": event, "args": append([]any{}, args...)})
}

func (c *clients) close(client string) {
	c.t.Helper()
	c.order(map[string]any{"do": "close", "client": client})
	c.wait(client, "disconnect", 10*time.Second, anything)
}

// mark is a place in what was seen; wait and count look behind it.
func (c *clients) mark() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.seen)
}

// count is how often clients saw an event since the mark.
func (c *clients) count(mark int, event string) int { return len(c.since(mark, event)) }

// countOf is that of one client.
func (c *clients) countOf(mark int, client, event string) int {
	found := 0
	for _, seen := range c.since(mark, event) {
		if seen.Client == client {
			found++
		}
	}
	return found
}

// ways are how one client has come and gone since the mark, and when.
func (c *clients) ways(mark int, client string) (found []string) {
	for _, event := range []string{"disconnect", "connect_error", "connect"} {
		for _, seen := range c.since(mark, event) {
			if seen.Client == client {
				found = append(found, seen.at.UTC().Format("15:04:05.000 ")+seen.String())
			}
		}
	}
	slices.Sort(found)
	return found
}

// heard is what each client got to read in the chat since the mark.
func (c *clients) heard(mark int) map[string][]string {
	found := map[string][]string{}
	for _, seen := range c.since(mark, "newMessage") {
		found[seen.Client] = append(found[seen.Client], text(seen.Args))
	}
	return found
}

// since are the events of a name since the mark, in order.
func (c *clients) since(mark int, event string) (found []clientEvent) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, seen := range c.seen[mark:] {
		if seen.Event == event {
			found = append(found, seen)
		}
	}
	return found
}

// text is what a newMessage says.
func text(args []any) string {
	message, _ := args[0].(map[string]any)
	said, _ := message["message"].(string)
	return said
}

func anything([]any) bool { return true }

// wait waits for an event whose arguments fit, that the client saw at any time.
func (c *clients) wait(client, event string, limit time.Duration, fits func(args []any) bool) []any {
	c.t.Helper()
	return c.waitSince(0, client, event, limit, fits)
}

// waitSince waits for an event that the client saw behind the mark.
func (c *clients) waitSince(mark int, client, event string, limit time.Duration, fits func(args []any) bool) []any {
	c.t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	next := mark
	for {
		c.mu.Lock()
		seen, changed := c.seen[next:], c.changed
		c.mu.Unlock()
		for _, e := range seen {
			if e.Client == client && e.Event == event && fits(e.Args) {
				return e.Args
			}
		}
		next += len(seen)
		select {
		case <-changed:
		case <-deadline.C:
			c.t.Fatalf("%s did not see %s within %v; seen by all: %v", client, event, limit, c.tail(40))
		}
	}
}

// never wants no client to see an event between the mark and the end of the time.
func (c *clients) never(mark int, event string, during time.Duration) {
	c.t.Helper()
	end := time.NewTimer(during)
	defer end.Stop()
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		if seen := c.since(mark, event); len(seen) > 0 {
			c.t.Fatalf("there was %v; seen by all: %v", seen, c.tail(40))
		}
		select {
		case <-changed:
		case <-end.C:
			return
		}
	}
}

// tail is the last that was seen.
func (c *clients) tail(n int) []clientEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[max(0, len(c.seen)-n):]
}
