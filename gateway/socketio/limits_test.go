// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A client could gather the sessions of several connections in one.
func TestAClientThatWouldBeInTooManyRoomsBeginsANewSession(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	r.io.SetLimits(socketio.Limits{Rooms: 3})
	gone := make(chan struct{}, 4)
	names := []string{"/a", "/b"}
	for _, name := range names {
		r.io.Of(name).OnConnection(func(s *socketio.Socket) {
			s.OnDisconnect(func(string) { gone <- struct{}{} })
			r.sockets <- s
		})
	}
	sids, pids := map[string]string{}, map[string]string{}
	for _, name := range names {
		c := wiretest.Dial(t, r.url, path, "", nil)
		c.Send("40" + name + ",")
		sids[name], pids[name] = ids(t, c, name)
		s := <-r.sockets
		s.Join("1", "2")
		if left, bounded := s.RoomsLeft(); left != 1 || !bounded {
			t.Errorf("%d rooms are left, bounded %t", left, bounded)
		}
		c.Close()
		<-gone
	}
	again := wiretest.Dial(t, r.url, path, "", nil)
	for _, name := range names {
		again.Send(fmt.Sprintf(`40%s,{"pid":%q}`, name, pids[name]))
		sid, _ := ids(t, again, name)
		s := <-r.sockets
		if got, want := sid == sids[name], name == "/a"; got != want || s.Recovered() != want {
			t.Errorf("%s is recovered: %t, want %t", name, got, want)
		}
	}
}

func TestWhatAClientOwesIsBounded(t *testing.T) {
	const most = 1024
	io, url := server(t, socketio.Options{})
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	c, _ := wiretest.Connect(t, url, path, "/")
	s := <-sockets
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, most)
	for range most {
		go func() {
			_, err := s.EmitWithAck(ctx, "q")
			asked <- err
		}()
	}
	for range most {
		c.Receive()
	}
	if _, err := s.EmitWithAck(ctx, "q"); !errors.Is(err, socketio.ErrManyAcks) {
		t.Errorf("one beyond the bound, of the socket: %v", err)
	}
	if answers, err := io.EmitWithAck(ctx, "q"); len(answers) != 0 || !errors.Is(err, socketio.ErrDisconnected) {
		t.Errorf("one beyond the bound, of everybody: %d answers, %v", len(answers), err)
	}
	c.Send("430[1]") // pays one back
	if err := <-asked; err != nil {
		t.Errorf("an answer: %v", err)
	}
	go func() {
		_, err := s.EmitWithAck(ctx, "again")
		asked <- err
	}()
	if got := c.Receive(); !strings.HasSuffix(got, `["again"]`) {
		t.Errorf("received %s", got)
	}
	cancel()
	for range most {
		<-asked
	}
}

func TestAuthIsBounded(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Of("/")
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40{"token":"` + strings.Repeat("x", 16<<10) + `"}`)
	c.Expect(`44{"message":"Auth payload too large"}`)
	c.Send(`40{"token":"` + strings.Repeat("x", 15<<10) + `"}`)
	if got := c.Receive(); !strings.HasPrefix(got, `40{"sid":`) {
		t.Errorf("received %.80s", got)
	}
}

func TestAttachmentsComeAfterCONNECT(t *testing.T) {
	const announced = `451-["e",{"_placeholder":true,"num":0}]`
	io, url := server(t, socketio.Options{})
	io.OnConnection(func(s *socketio.Socket) {
		s.On("e", func(ev *socketio.Event) { s.EmitArgs("got", ev.Args) })
	})
	stranger := wiretest.Dial(t, url, path, "", nil)
	stranger.Send(announced)
	stranger.ExpectClosed()

	hasty := wiretest.Dial(t, url, path, "", nil) // does not wait for the answer to CONNECT
	hasty.Send("40", announced)
	hasty.SendBinary([]byte{1})
	if got := hasty.Receive(); !strings.HasPrefix(got, `40{"sid":`) {
		t.Errorf("received %.80s", got)
	}
	hasty.Expect(`451-["got",{"_placeholder":true,"num":0}]`, "binary [1]")
}

func TestNamespacesAreNotJoinedFasterThanTheyMayBe(t *testing.T) {
	const most, atOnce = 4, 4 + 64
	io, url := server(t, socketio.Options{CleanupEmptyChildNamespaces: true})
	io.SetLimits(socketio.Limits{Namespaces: most})
	io.OfNames(func(name string) bool { return strings.HasPrefix(name, "/d/") })
	c, _ := wiretest.Connect(t, url, path, "/d/first")
	joined := 0
	for ; ; joined++ { // some come back in the meantime: 4 a second
		name := fmt.Sprintf("/d/%d", joined)
		c.Send("40" + name + ",")
		if got := c.Receive(); !strings.HasPrefix(got, "40"+name) {
			if want := "44" + name + `,{"message":"Too many namespaces in too short a time"}`; got != want {
				t.Errorf("received %s, want %s", got, want)
			}
			break
		}
		c.Send("41" + name + ",")
	}
	if joined < atOnce {
		t.Errorf("%d namespaces were joined at once, and %d may be", joined, atOnce)
	}
	again, _ := wiretest.Connect(t, url, path, "/d/first") // another connection has its own measure
	again.Send("40/d/second,")
	if got := again.Receive(); !strings.HasPrefix(got, "40/d/second") {
		t.Errorf("received %s", got)
	}
}

func TestRoomsAreNotJoinedFasterThanTheyMayBe(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.SetLimits(socketio.Limits{Rooms: 20})
	rooms := func(from, to int) (names []string) {
		for i := from; i < to; i++ {
			names = append(names, fmt.Sprint(i))
		}
		return names
	}
	took := make(chan [3]bool, 1)
	io.OnConnection(func(s *socketio.Socket) {
		first := s.TakeJoins(rooms(0, 120)...)
		s.Join(rooms(0, 120)...)
		took <- [3]bool{first, s.TakeJoins(rooms(0, 120)...), s.TakeJoins(rooms(20, 220)...)} // few have been earned again
	})
	wiretest.Connect(t, url, path, "/")
	if got := <-took; got != [3]bool{true, true, false} {
		t.Errorf("120 rooms, the same again, and 100 more may be joined at once: %v", got)
	}
}

func TestLimitsHaveDefaults(t *testing.T) {
	io, _ := server(t, socketio.Options{})
	if got, want := io.Limits(), socketio.DefaultLimits(); got != want {
		t.Errorf("without any: %+v, want %+v", got, want)
	}
	fields := reflect.TypeFor[socketio.Limits]()
	for i := range fields.NumField() {
		var one socketio.Limits
		want := socketio.DefaultLimits()
		reflect.ValueOf(&one).Elem().Field(i).SetInt(7)
		reflect.ValueOf(&want).Elem().Field(i).SetInt(7)
		if io.SetLimits(one); io.Limits() != want {
			t.Errorf("with %s alone: %+v", fields.Field(i).Name, io.Limits())
		}
	}
	own, _ := server(t, socketio.Options{Limits: &socketio.Limits{Namespaces: 3}})
	if got := own.Limits(); got.Namespaces != 3 || got.AuthBytes != 16<<10 {
		t.Errorf("of an option: %+v", got)
	}
}

// Each at the bound, and one beyond it.
func TestLimitsOfAServerOfOnesOwn(t *testing.T) {
	const most = 8
	limited := func(t *testing.T, l socketio.Limits, use func(*socketio.Socket) error) (c *wiretest.Client) {
		t.Helper()
		io, url := server(t, socketio.Options{Limits: &l})
		io.Use(use)
		io.Of("/a").OnConnection(func(*socketio.Socket) {})
		io.Of("/b").OnConnection(func(*socketio.Socket) {})
		return wiretest.Dial(t, url, path, "", nil)
	}
	letIn := func(*socketio.Socket) error { return nil }
	t.Run("namespaces", func(t *testing.T) {
		c := limited(t, socketio.Limits{Namespaces: 2}, letIn)
		c.Join("/")
		c.Join("/a")
		c.Send("40/b,")
		c.Expect(`44/b,{"message":"Too many namespaces"}`)
	})
	t.Run("auth", func(t *testing.T) {
		c := limited(t, socketio.Limits{AuthBytes: most}, letIn)
		c.Send(`40{"a":123}`)
		c.Expect(`44{"message":"Auth payload too large"}`)
		c.Send(`40{"a":12}`)
		if got := c.Receive(); !strings.HasPrefix(got, `40{"sid":`) {
			t.Errorf("received %s", got)
		}
	})
	t.Run("identity", func(t *testing.T) {
		encoded := len(`{"user":"ann","claims":{}}`)
		for beyond, want := range []bool{true, false} {
			c := limited(t, socketio.Limits{IdentityBytes: encoded}, func(s *socketio.Socket) error {
				return s.SetIdentity(socketio.Identity{User: "ann" + strings.Repeat("x", beyond), Claims: json.RawMessage("{}")})
			})
			c.Send("40")
			if got := c.Receive(); strings.HasPrefix(got, `40{"sid":`) != want {
				t.Errorf("%d beyond the bound: received %s", beyond, got)
			}
		}
	})
	t.Run("data", func(t *testing.T) {
		c := limited(t, socketio.Limits{DataBytes: most}, func(s *socketio.Socket) error {
			if err := s.CheckData("123456"); err != nil { // with its quotes
				t.Error(err)
			}
			return s.CheckData("1234567")
		})
		c.Send("40")
		c.Expect(`44{"message":"the socket's data take 9 bytes, more than 8"}`)
	})
	t.Run("early events", func(t *testing.T) {
		c := limited(t, socketio.Limits{EarlyEvents: most}, func(s *socketio.Socket) error {
			for i := range most {
				if err := s.Emit("early", i); err != nil {
					t.Error(err)
				}
			}
			if err := s.Emit("early", most); !errors.Is(err, socketio.ErrDisconnected) {
				t.Errorf("one beyond the bound: %v", err)
			}
			return nil
		})
		c.Join("/")
		for i := range most {
			c.Expect(fmt.Sprintf(`42["early",%d]`, i))
		}
	})
	t.Run("acknowledgements", func(t *testing.T) {
		io, url := server(t, socketio.Options{Limits: &socketio.Limits{PendingAcks: 1}})
		sockets := make(chan *socketio.Socket, 1)
		io.OnConnection(func(s *socketio.Socket) { sockets <- s })
		c, _ := wiretest.Connect(t, url, path, "/")
		s := within(t, sockets, "a socket")
		asked := make(chan error, 1)
		go func() {
			_, err := s.EmitWithAck(t.Context(), "q")
			asked <- err
		}()
		c.Expect(`420["q"]`)
		if _, err := s.EmitWithAck(t.Context(), "q"); !errors.Is(err, socketio.ErrManyAcks) {
			t.Errorf("one beyond the bound: %v", err)
		}
		c.Send("430[]")
		if err := within(t, asked, "the answer"); err != nil {
			t.Error(err)
		}
	})
}
