// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestHandlersAreAddedAndTakenAway(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.OnConnection(func(s *socketio.Socket) {
		var calls []string
		note := func(what string) func(*socketio.Event) {
			return func(*socketio.Event) { calls = append(calls, what) }
		}
		offAny := s.OnAny(note("any"))
		off := s.On("e", note("first"))
		s.On("e", note("second"))
		s.Once("e", note("once"))
		s.On("e", func(*socketio.Event) { off() })
		s.On("report", func(ev *socketio.Event) {
			offAny()
			if err := ev.Reply(calls); err != nil {
				t.Error(err)
			}
			calls = nil
		})
		s.On("off", func(*socketio.Event) { s.Off("e") })
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`42["e"]`, `42["e"]`, `421["report"]`)
	c.Expect(`431[["any","first","second","once","any","second","any"]]`)
	c.Send(`42["off"]`, `42["e"]`, `421["report"]`)
	c.Expect(`431[null]`)
}

func TestSocketMiddlewares(t *testing.T) {
	io, url := server(t, socketio.Options{})
	errs := make(chan error, 1)
	refusal := errors.New("not you")
	io.OnConnection(func(s *socketio.Socket) {
		s.OnError(func(err error) { errs <- err })
		s.Use(func(ev *socketio.Event) error {
			if ev.Name == "forbidden" {
				return refusal
			}
			return nil
		})
		s.On("forbidden", func(*socketio.Event) { t.Error("a refused event is handled") })
		s.On("allowed", func(ev *socketio.Event) { ev.Reply("yes") })
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`421["forbidden"]`)
	c.Expect(`431[{"error":"not you"}]`)
	if err := <-errs; !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	c.Send(`42["forbidden"]`, `422["allowed"]`)
	<-errs
	c.Expect(`432["yes"]`)
}

func TestTypedHandlers(t *testing.T) {
	type message struct {
		Text string `json:"text"`
		To   int    `json:"to"`
	}
	io, url := server(t, socketio.Options{})
	errs := make(chan error, 1)
	io.OnConnection(func(s *socketio.Socket) {
		s.OnError(func(err error) { errs <- err })
		socketio.On(s, "message", func(s *socketio.Socket, m message) { s.Emit("got", m.Text, m.To) })
		socketio.On(s, "file", func(s *socketio.Socket, b []byte) { s.Emit("size", len(b)) })
		socketio.On(s, "all", func(s *socketio.Socket, args socketio.Args) { s.Emit("args", args.Len()) })
		socketio.OnAck(s, "half", func(_ *socketio.Socket, n int) (int, error) {
			if n%2 != 0 {
				return 0, errors.New("odd")
			}
			return n / 2, nil
		})
		socketio.OnAck(s, "same", func(_ *socketio.Socket, args socketio.Args) (socketio.Args, error) { return args, nil })
	})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`42["message",{"text":"hi","to":3}]`)
	c.Expect(`42["got","hi",3]`)
	c.Send(`451-["file",{"_placeholder":true,"num":0}]`)
	c.SendBinary([]byte{1, 2, 3})
	c.Expect(`42["size",3]`)
	c.Send(`42["all",1,2,3]`)
	c.Expect(`42["args",3]`)
	c.Send(`421["half",8]`, `422["same",1,[2]]`)
	c.Expect(`431[4]`, `432[1,[2]]`)
	c.Send(`423["half",7]`)
	c.Expect(`433[{"error":"odd"}]`)
	<-errs
	for _, bad := range []string{`42["message",1]`, `42["message"]`, `42["file","text"]`} {
		c.Send(bad)
		if err := <-errs; err == nil {
			t.Error("no error")
		}
	}
}

func TestScanReadsArguments(t *testing.T) {
	args, err := socketio.NewArgs("name", 7, []byte{1})
	if err != nil {
		t.Fatal(err)
	}
	var (
		name string
		n    int
		file []byte
	)
	if err := args.Scan(&name, &n, &file); err != nil || name != "name" || n != 7 || !slices.Equal(file, []byte{1}) {
		t.Errorf("scanned %q, %d, %v, %v", name, n, file, err)
	}
	if err := args.Scan(&name, &n, &file, &n); err == nil {
		t.Error("a fourth argument of three")
	}
}
