// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// slow is a server some of whose handlers wait until the end of the test, or until release is
// called.
func slow(t *testing.T, o socketio.Options) (url string, release func()) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	io, url := server(t, o)
	released, release := context.WithCancel(context.Background())
	t.Cleanup(release) // before the server is closed
	wait := func() { <-released.Done() }
	connected := func(s *socketio.Socket) {
		s.On("wait", func(ev *socketio.Event) {
			_ = s.Emit("waits")
			wait()
			_ = ev.Reply("waited")
		})
		s.On("next", func(ev *socketio.Event) { _ = ev.Reply("handled") })
	}
	for _, name := range []string{"/", "/other", "/third"} {
		io.Of(name).OnConnection(connected)
	}
	io.Of("/guarded").Use(func(*socketio.Socket) error {
		wait()
		return errors.New("refused")
	})
	io.Of("/welcoming").OnConnection(func(*socketio.Socket) { wait() })
	return url, release
}

// expectAll wants these packets, in any order.
func expectAll(t *testing.T, c *wiretest.Client, packets ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, p := range packets {
		want[p] = true
	}
	for range packets {
		got := c.Receive()
		if !want[got] {
			t.Fatalf("received %q, want one of %v", got, want)
		}
		delete(want, got)
	}
}

func TestASlowHandlerHoldsUpItsOwnSocketAlone(t *testing.T) {
	url, release := slow(t, socketio.Options{})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`40/guarded,`) // and its middleware waits
	c.Join("/welcoming")  // and its connection handler waits
	c.Join("/other")
	c.Send(`421["wait"]`, `42/other,2["wait"]`, `423["next"]`, `42/other,4["next"]`)
	expectAll(t, c, `42["waits"]`, `42/other,["waits"]`)
	c.Join("/third")
	c.Send(`42/third,5["next"]`)
	c.Expect(`43/third,5["handled"]`)
	release()
	expectAll(t, c, `44/guarded,{"message":"refused"}`,
		`431["waited"]`, `433["handled"]`, `43/other,2["waited"]`, `43/other,4["handled"]`)
}

func TestASlowHandlerDoesNotCostTheHeartbeat(t *testing.T) {
	url, _ := slow(t, socketio.Options{Engine: engineio.Config{PingInterval: 10 * time.Millisecond, PingTimeout: time.Minute}})
	u := strings.Replace(url, "http", "ws", 1) + path + "?EIO=4&transport=websocket"
	c, answer, err := websocket.DefaultDialer.Dial(u, nil) // wiretest's client keeps pings to itself
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	defer c.Close()
	send := func(packet string) {
		t.Helper()
		if err := c.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	send("40")
	send(`42["wait"]`)
	waits := false
	for pings := 0; !waits || pings < 3; { // a second one says that the answer to the first was taken
		_, data, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		switch string(data) {
		case "2":
			if waits {
				pings++
			}
			send("3")
		case `42["waits"]`:
			waits = true
		}
	}
}

// do is a request of a client that polls.
func do(t *testing.T, method, url, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAPostIsAnsweredBeforeItsHandlersEnd(t *testing.T) {
	url, release := slow(t, socketio.Options{})
	query := url + path + "?EIO=4&transport=polling"
	_, id, _ := strings.Cut(do(t, http.MethodGet, query, ""), `"sid":"`)
	id, _, _ = strings.Cut(id, `"`)
	query += "&sid=" + id
	post := func(body string) {
		t.Helper()
		if got := do(t, http.MethodPost, query, body); got != "ok" {
			t.Fatalf("answered %q", got)
		}
	}
	var unread []string
	expect := func(want string) {
		t.Helper()
		for len(unread) == 0 {
			unread = strings.Split(do(t, http.MethodGet, query, ""), "\x1e")
		}
		if !strings.HasPrefix(unread[0], want) {
			t.Fatalf("received %q, want %q", unread[0], want)
		}
		unread = unread[1:]
	}
	post("40\x1e40/other,")
	expect(`40{"sid"`)
	expect(`40/other,{"sid"`)
	post("421[\"wait\"]\x1e42/other,2[\"next\"]\x1e423[\"next\"]")
	expect(`42["waits"]`)
	expect(`43/other,2["handled"]`)
	post(`42/other,4["next"]`)
	expect(`43/other,4["handled"]`)
	release()
	expect(`431["waited"]`)
	expect(`433["handled"]`)
}

// asking is a server whose handlers ask their own client.
func asking(t *testing.T, o socketio.Options) (url string, errs chan error) {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	io, url := server(t, o)
	errs = make(chan error, 10)
	ask := func(s *socketio.Socket) (answer string) {
		args, err := s.EmitWithAck(context.Background(), "question")
		if err != nil {
			errs <- err
			return ""
		}
		answer, err = socketio.Decode[string](args, 0)
		if err != nil {
			errs <- err
		}
		return answer
	}
	connected := func(s *socketio.Socket) {
		socketio.OnAck(s, "ask", func(s *socketio.Socket, n int) (string, error) { return fmt.Sprint(n, ask(s)), nil })
		s.OnDisconnect(func(string) { errs <- nil })
	}
	io.OnConnection(connected)
	io.Of("/asking").OnConnection(func(s *socketio.Socket) { _ = s.Emit("welcome", ask(s)) })
	return url, errs
}

func TestAHandlerAsksItsOwnClient(t *testing.T) {
	url, _ := asking(t, socketio.Options{})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`420["ask",1]`, `421["ask",2]`)
	c.Expect(`420["question"]`)
	c.Send(`430["yes"]`)
	expectAll(t, c, `430["1yes"]`, `421["question"]`)
	c.Send(`431["no"]`)
	c.Expect(`431["2no"]`)
	c.Join("/asking")
	c.Expect(`42/asking,0["question"]`)
	c.Send(`43/asking,0["hello"]`)
	c.Expect(`42/asking,["welcome","hello"]`)
}

func TestAClientOf2IsAskedWhileItConnects(t *testing.T) {
	io, url := server(t, socketio.Options{Engine: engineio.Config{AllowEIO3: true}})
	io.OnConnection(func(s *socketio.Socket) {
		args, err := s.EmitWithAck(context.Background(), "question")
		_ = s.Emit("answered", string(args.JSON), err == nil)
	})
	c := dialV2(t, url)
	for _, want := range []string{"40", `420["question"]`} {
		if got := c.receive(); got != want {
			t.Fatalf("received %q, want %q", got, want)
		}
	}
	c.send(`430["yes"]`)
	if got, want := c.receive(), `42["answered","[\"yes\"]",true]`; got != want {
		t.Errorf("received %q, want %q", got, want)
	}
}

func TestAHandlerThatAsksIsToldThatItsClientHasGone(t *testing.T) {
	for name, leave := range map[string]func(*wiretest.Client){
		"it leaves the namespace":  func(c *wiretest.Client) { c.Send("41") },
		"its connection is closed": func(c *wiretest.Client) { c.Close() },
		"it sends what is no packet": func(c *wiretest.Client) {
			c.Send("49")
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, errs := asking(t, socketio.Options{})
			c, _ := wiretest.Connect(t, url, path, "/")
			c.Send(`420["ask",1]`, `421["ask",2]`)
			c.Expect(`420["question"]`)
			leave(c)
			if err := <-errs; !errors.Is(err, socketio.ErrDisconnected) {
				t.Errorf("the handler gets %v", err)
			}
			for err := range errs { // of the second handler, which may be called and is told at once; then the end
				if err == nil {
					break
				}
				if !errors.Is(err, socketio.ErrDisconnected) {
					t.Errorf("the next handler gets %v", err)
				}
			}
		})
	}
}

// A client that sends without end, while its handler waits for an answer that is behind all that,
// is not read, and so not asked for ever.
func TestAHandlerThatAsksAClientWhichSendsTooMuch(t *testing.T) {
	url, errs := asking(t, socketio.Options{Engine: engineio.Config{PingInterval: 50 * time.Millisecond, PingTimeout: 50 * time.Millisecond}})
	c, _ := wiretest.Connect(t, url, path, "/")
	c.Send(`420["ask",1]`)
	c.Expect(`420["question"]`)
	large := `42["x","` + strings.Repeat("x", 1000) + `"]`
	for range 100 {
		c.Send(large)
	}
	if err := <-errs; !errors.Is(err, socketio.ErrDisconnected) {
		t.Errorf("the handler gets %v", err)
	}
}

func TestAHandlerCloses(t *testing.T) {
	for name, shut := range map[string]func(*socketio.Server, *socketio.Socket) error{
		"the server":             func(io *socketio.Server, _ *socketio.Socket) error { return io.Close() },
		"the server, for a time": func(io *socketio.Server, s *socketio.Socket) error { return io.Shutdown(context.Background()) },
		"its namespace": func(io *socketio.Server, s *socketio.Socket) error {
			io.RemoveNamespace("/")
			return nil
		},
		"all sockets": func(io *socketio.Server, s *socketio.Socket) error {
			return io.DisconnectSockets(context.Background(), true)
		},
		"its socket": func(_ *socketio.Server, s *socketio.Socket) error {
			s.Disconnect(false)
			return nil
		},
		"its connection": func(_ *socketio.Server, s *socketio.Socket) error {
			s.Disconnect(true)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			io, url := server(t, socketio.Options{})
			closed, gone := make(chan error, 1), make(chan string, 2)
			io.OnConnection(func(s *socketio.Socket) {
				s.OnDisconnect(func(reason string) { gone <- reason })
				s.On("close", func(*socketio.Event) { closed <- shut(io, s) })
			})
			c, _ := wiretest.Connect(t, url, path, "/")
			c.Send(`42["close"]`)
			if err := <-closed; err != nil {
				t.Error(err)
			}
			<-gone
		})
	}
}

func TestShutdownWaitsNoLongerThanItsContext(t *testing.T) {
	io, url := server(t, socketio.Options{})
	waits, release := make(chan struct{}), make(chan struct{})
	io.OnConnection(func(*socketio.Socket) {
		close(waits)
		<-release
	})
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send("40")
	<-waits
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := io.Shutdown(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 sessions") {
		t.Errorf("returned %v", err)
	}
	close(release)
}
