// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestRow48UtilityMethods(t *testing.T) {
	ctx := t.Context()
	x := newTrio(t)
	x.redSocket.SetData(map[string]int{"level": 3})
	ids := func(b interface {
		FetchSockets(context.Context) ([]socketio.RemoteSocket, error)
		CountSockets(context.Context) (int, error)
	}) []string {
		t.Helper()
		sockets, err := b.FetchSockets(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range sockets {
			out = append(out, s.ID)
		}
		slices.Sort(out)
		if n, err := b.CountSockets(ctx); n != len(out) || err != nil {
			t.Errorf("%d sockets are counted, %v, and %d fetched", n, err, len(out))
		}
		return out
	}
	if got := ids(x.io); len(got) != 3 {
		t.Errorf("all sockets: %v", got)
	}
	if got := ids(x.io.In("a")); !slices.Equal(got, []string{x.redID}) {
		t.Errorf("sockets in a: %v", got)
	}
	if got := ids(x.io.In("b").Except("a").Local()); len(got) != 1 || got[0] == x.redID {
		t.Errorf("sockets in b but not in a: %v", got)
	}
	if got := ids(x.io.In()); len(got) != 0 {
		t.Errorf("sockets in no room: %v", got)
	}
	if err := x.io.In("b").SocketsJoin(ctx, "c", "d"); err != nil {
		t.Fatal(err)
	}
	if err := x.io.In("a").SocketsLeave(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if got := ids(x.io.In("c")); len(got) != 1 {
		t.Errorf("sockets in c: %v", got)
	}
	if got := ids(x.io.In("d")); len(got) != 2 {
		t.Errorf("sockets in d: %v", got)
	}
	sockets, err := x.io.In("a").FetchSockets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	red := sockets[0]
	var data struct{ Level int }
	if err := red.DecodeData(&data); err != nil || data.Level != 3 || red.Handshake.Address == "" || len(red.Rooms) != 4 {
		t.Errorf("data %+v, %v; socket %+v", data, err, red)
	}
	if err := red.Emit("direct"); err != nil {
		t.Fatal(err)
	}
	x.red.Expect(`42["direct"]`)
	answered := make(chan string, 1)
	go func() {
		args, err := red.EmitWithAck(ctx, "q")
		answered <- fmt.Sprint(string(args.JSON), err)
	}()
	x.red.Send(`43` + strings.TrimSuffix(strings.TrimPrefix(x.red.Receive(), "42"), `["q"]`) + `["yes"]`)
	if got := <-answered; got != `["yes"]<nil>` {
		t.Errorf("answer %s", got)
	}
	if err := red.Join(ctx, "e"); err != nil {
		t.Fatal(err)
	}
	if got := ids(x.io.In("e")); !slices.Equal(got, []string{x.redID}) {
		t.Errorf("sockets in e: %v", got)
	}
	if err := x.io.In("b").DisconnectSockets(ctx, false); err != nil {
		t.Fatal(err)
	}
	x.red.Expect(`41`)
	x.green.Expect(`41`)
	if got := ids(x.io); !slices.Equal(got, []string{x.blueID}) {
		t.Errorf("sockets that are left: %v", got)
	}
	if _, err := red.EmitWithAck(ctx, "q"); !errors.Is(err, socketio.ErrDisconnected) {
		t.Errorf("ask a socket that has gone: %v", err)
	}
}

func TestRow49BroadcastWithAck(t *testing.T) {
	type result struct {
		answers []string
		err     error
	}
	ask := func(ctx context.Context, b *socketio.Broadcast, values ...any) <-chan result {
		out := make(chan result, 1)
		go func() {
			answers, err := b.EmitWithAck(ctx, "q", values...)
			r := result{err: err}
			for _, a := range answers {
				r.answers = append(r.answers, fmt.Sprint(string(a.JSON), a.Attachments))
			}
			slices.Sort(r.answers)
			out <- r
		}()
		return out
	}
	reply := func(t *testing.T, c *wiretest.Client, with string) {
		t.Helper()
		question := c.Receive()
		id := strings.TrimSuffix(strings.TrimPrefix(question, "42"), `["q"]`)
		c.Send("43" + id + with)
	}
	t.Run("all answer", func(t *testing.T) {
		x := newTrio(t)
		r := ask(t.Context(), x.io.Except())
		reply(t, x.red, `["red"]`)
		reply(t, x.green, `["green"]`)
		reply(t, x.blue, `["blue"]`)
		got := <-r
		if want := []string{`["blue"][]`, `["green"][]`, `["red"][]`}; got.err != nil || !slices.Equal(got.answers, want) {
			t.Errorf("answers %v, %v", got.answers, got.err)
		}
	})
	t.Run("binary", func(t *testing.T) {
		x := newTrio(t)
		r := ask(t.Context(), x.io.To("a"), []byte{1})
		question := x.red.Receive()
		var id int
		if _, err := fmt.Sscanf(question, `451-%d[`, &id); err != nil {
			t.Fatalf("%s: %v", question, err)
		}
		x.red.Expect("binary [1]")
		x.red.Send(fmt.Sprintf(`461-%d[{"_placeholder":true,"num":0}]`, id))
		x.red.SendBinary([]byte{2})
		got := <-r
		if want := []string{`[{"_placeholder":true,"num":0}][[2]]`}; got.err != nil || !slices.Equal(got.answers, want) {
			t.Errorf("answers %v, %v", got.answers, got.err)
		}
	})
	t.Run("deadline, with partial answers", func(t *testing.T) {
		x := newTrio(t)
		ctx, cancel := context.WithCancel(t.Context())
		r := ask(ctx, x.io.To("b"))
		reply(t, x.red, `[1]`)
		x.green.Receive()
		// What red says next is handled behind its answer.
		seen := make(chan struct{})
		x.redSocket.On("seen", func(*socketio.Event) { close(seen) })
		x.red.Send(`42["seen"]`)
		<-seen
		cancel()
		got := <-r
		if want := []string{`[1][]`}; !errors.Is(got.err, context.Canceled) || !slices.Equal(got.answers, want) {
			t.Errorf("answers %v, %v", got.answers, got.err)
		}
	})
	t.Run("a client leaves", func(t *testing.T) {
		x := newTrio(t)
		r := ask(t.Context(), x.io.To("b"))
		reply(t, x.green, `[2]`)
		x.red.Receive()
		x.red.Close()
		got := <-r
		if want := []string{`[2][]`}; !errors.Is(got.err, socketio.ErrDisconnected) || !slices.Equal(got.answers, want) {
			t.Errorf("answers %v, %v", got.answers, got.err)
		}
	})
	t.Run("nobody is meant", func(t *testing.T) {
		x := newTrio(t)
		for _, b := range []*socketio.Broadcast{x.io.To("nobody"), x.io.To(), x.io.To("a").Except("a")} {
			if got := <-ask(t.Context(), b); got.err != nil || len(got.answers) != 0 {
				t.Errorf("answers %v, %v", got.answers, got.err)
			}
		}
	})
}

func TestRow50Volatile(t *testing.T) {
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	p := newPoller(t, url)
	p.post(`40`)
	s := <-sockets
	if _, body := p.get(); !strings.HasPrefix(body, `40{"sid":`) {
		t.Fatalf("answer to CONNECT %q", body)
	}
	// No poll waits: only what is ordinary is kept.
	for _, err := range []error{
		s.Volatile().Emit("lost", 1),
		s.Emit("kept", 1),
		io.Volatile().Emit("lost", 2),
		io.Except("x").Volatile().Emit("lost", 3),
		io.Emit("kept", 2),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, body := p.get(); body != `42["kept",1]`+"\x1e"+`42["kept",2]` {
		t.Errorf("received %q", body)
	}
	// A websocket with room for more takes it.
	c, _ := wiretest.Connect(t, url, path, "/")
	s = <-sockets
	s.On("ready", func(ev *socketio.Event) {
		if err := errors.Join(s.Volatile().Emit("volatile"), ev.Reply()); err != nil {
			t.Error(err)
		}
	})
	c.Send(`421["ready"]`)
	c.Expect(`42["volatile"]`, `431[]`)
}

func TestOutgoingListenersSeeEmitsAndBroadcasts(t *testing.T) {
	x := newTrio(t)
	var seen []string
	off := x.redSocket.OnAnyOutgoing(func(event string, args socketio.Args) {
		seen = append(seen, event+string(args.JSON)+fmt.Sprint(args.Attachments))
	})
	for _, err := range []error{
		x.redSocket.Emit("one", 1),
		x.io.To("b").Emit("two", []byte{7}),
		x.io.Except("a").Emit("not for red"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	off()
	if err := x.io.Emit("unseen"); err != nil {
		t.Fatal(err)
	}
	if want := []string{`one[1][]`, `two[{"_placeholder":true,"num":0}][[7]]`}; !slices.Equal(seen, want) {
		t.Errorf("seen %q, want %q", seen, want)
	}
}
