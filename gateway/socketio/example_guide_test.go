// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// The server is an http.Handler, and lives beside others.
func ExampleServer_ServeHTTP() {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		panic(err)
	}
	defer io.Close()
	mux := http.NewServeMux()
	mux.Handle(socketio.DefaultPath, io)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%d clients", io.Connections())
	})

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/healthz", nil))
	fmt.Println(w.Body)
	// Output: 0 clients
}

// A handler that is not needed any more is taken away.
func ExampleSocket_Once() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Once("ready", func(*socketio.Event) { socket.Emit("go") })
		off := socket.On("tick", func(*socketio.Event) { socket.Emit("tock") })
		socket.On("quiet", func(*socketio.Event) {
			off()
			socket.Emit("quiet now")
		})
	})
	user := dial("/", "")
	for _, packet := range []string{`42["ready"]`, `42["ready"]`, `42["tick"]`, `42["quiet"]`, `42["tick"]`, `42["quiet"]`} {
		user.send(packet)
	}
	for range 4 {
		fmt.Println(user.receive())
	}
	// Output:
	// 42["go"]
	// 42["tock"]
	// 42["quiet now"]
	// 42["quiet now"]
}

// All members of a room are asked at once. Those that answered in time are there even if others did
// not.
func ExampleBroadcast_EmitWithAck() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Join("jury")
		socket.Emit("welcome")
	})
	ann, bob := dial("/", ""), dial("/", "")
	ann.receive()
	bob.receive()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	voted := make(chan int, 1)
	go func() {
		answers, err := io.To("jury").EmitWithAck(ctx, "vote", "guilty?")
		if err != nil {
			fmt.Println("not all have voted:", err)
		}
		guilty := 0
		for _, answer := range answers {
			if yes, err := socketio.Decode[bool](answer, 0); err == nil && yes {
				guilty++
			}
		}
		voted <- guilty
	}()
	fmt.Println(ann.receive())
	bob.receive()
	ann.send(`430[true]`)
	bob.send(`430[false]`)
	fmt.Println("guilty:", <-voted)
	// Output:
	// 420["vote","guilty?"]
	// guilty: 1
}

// A namespace knows its sockets, and what they are is counted without a look at other servers.
func ExampleNamespace_Sockets() {
	io, dial, stop := newExample()
	defer stop()
	var online atomic.Int64
	left := make(chan struct{})
	io.Of("/chat").OnConnection(func(socket *socketio.Socket) {
		online.Add(1)
		socket.OnDisconnect(func(string) {
			online.Add(-1)
			close(left)
		})
		socket.Emit("online", online.Load(), len(io.Of("/chat").Sockets()))
	})
	user := dial("/chat", "")
	fmt.Println(user.receive())
	user.send(`41/chat,`)
	<-left
	fmt.Println(online.Load())
	// Output:
	// 42/chat,["online",1,1]
	// 0
}

// What a handler started comes back between handlers, never within one.
func ExampleSocket_InTurn() {
	io, dial, stop := newExample()
	defer stop()
	asked := make(chan string)
	io.OnConnection(func(socket *socketio.Socket) {
		searches := 0 // touched by handlers alone, so it needs no lock
		socket.On("search", func(ev *socketio.Event) {
			searches++
			go func() {
				result := <-asked // takes its time
				socket.InTurn(func() { socket.Emit("found", result, searches) })
			}()
		})
		socket.On("ping", func(*socketio.Event) {
			socket.InTurn(func() { socket.Emit("second") }) // behind this handler
			socket.Emit("first")
		})
	})
	user := dial("/", "")
	user.send(`42["search","tea"]`)
	user.send(`42["ping"]`) // is not held up
	fmt.Println(user.receive())
	fmt.Println(user.receive())
	asked <- "green tea"
	fmt.Println(user.receive())
	// Output:
	// 42["first"]
	// 42["second"]
	// 42["found","green tea",1]
}

// A client is answered when its order is stored, where an adapter stores what is emitted.
func ExampleReceipt() {
	io, dial, stop := newExample()
	defer stop()
	taken := socketio.Args{JSON: []byte(`["taken"]`)}
	notTaken := socketio.Args{JSON: []byte(`[{"error":"please try again"}]`)}
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Join("kitchen")
		socket.On("order", func(ev *socketio.Event) {
			var receipt socketio.Receipt
			if err := io.To("kitchen").Receipt(&receipt).EmitArgs("ordered", ev.Args); err != nil {
				ev.Ack(notTaken)
				return
			}
			ev.AckSettled(&receipt, taken, notTaken)
		})
	})
	user := dial("/", "")
	user.send(`427["order","soup"]`)
	fmt.Println(user.receive())
	fmt.Println(user.receive())
	// Output:
	// 42["ordered","soup"]
	// 437["taken"]
}

// A client that has lost its connection comes back as who it was, and hears what it has missed.
func ExampleRecovery() {
	io, err := socketio.NewServer(socketio.Options{
		Recovery: &socketio.Recovery{MaxDisconnection: 2 * time.Minute},
	})
	if err != nil {
		panic(err)
	}
	io.OnConnection(func(socket *socketio.Socket) {
		if socket.Recovered() {
			return // it is in its rooms
		}
		socket.Join("news")
	})
	lost := make(chan string, 2)
	io.OnConnection(func(socket *socketio.Socket) {
		socket.OnDisconnect(func(reason string) { lost <- reason })
	})
	dial, stop := serve(io)
	defer stop()

	user := dial("", "") // stock clients do what follows by themselves
	user.send(`40`)
	var session struct{ SID, PID string }
	if err := json.Unmarshal([]byte(user.receive()[2:]), &session); err != nil {
		panic(err)
	}
	user.conn.Close()
	fmt.Println("lost:", <-lost)
	io.To("news").Emit("headline", "while you were away")

	user = dial("", "")
	user.send(`40{"pid":"` + session.PID + `"}`)
	fmt.Println("the same socket:", strings.Contains(user.receive(), session.SID))
	event := user.receive()
	fmt.Println(event[:strings.LastIndex(event, ",")]) // then comes the offset
	// Output:
	// lost: transport close
	// the same socket: true
	// 42["headline","while you were away"
}

// What a handler around the server knows of a request reaches the socket.
func ExampleSocket_Context() {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		panic(err)
	}
	defer io.Close()
	authenticated := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := context.WithValue(r.Context(), userKey{}, "ann") // from a cookie, say
		io.ServeHTTP(w, r.WithContext(ctx))
	})
	io.OnConnection(func(socket *socketio.Socket) {
		user, _ := socket.Context().Value(userKey{}).(string)
		socket.Emit("welcome", user)
	})

	hs := httptest.NewServer(authenticated)
	defer hs.Close()
	user := dialExample(hs.URL, "/", "")
	defer user.conn.Close()
	fmt.Println(user.receive())
	// Output: 42["welcome","ann"]
}

// A middleware says who the client is.
func ExampleSocket_SetIdentity() {
	io, dial, stop := newExample()
	defer stop()
	verify := func(auth json.RawMessage) (user string, err error) {
		var fields struct{ Token string }
		err = json.Unmarshal(auth, &fields)
		return strings.TrimPrefix(fields.Token, "token of "), err
	}
	io.Use(func(socket *socketio.Socket) error {
		user, err := verify(socket.Auth())
		if err != nil {
			return &socketio.ConnectError{Message: "authentication failed"}
		}
		return socket.SetIdentity(socketio.Identity{Provider: "login", User: user})
	})
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Emit("welcome", socket.Identity().User)
	})

	fmt.Println(dial("/", `{"token":"token of ann"}`).receive())
	// Output: 42["welcome","ann"]
}

// All sockets of a user are reached, on all servers.
func ExampleNamespace_AddressUsers() {
	io, dial, stop := newExample()
	defer stop()
	io.Of("/").AddressUsers(true)
	io.Use(func(socket *socketio.Socket) error {
		return socket.SetIdentity(socketio.Identity{Provider: "login", User: string(socket.Auth())})
	})
	io.OnConnection(func(socket *socketio.Socket) {
		io.To(socket.Identity().Room()).Emit("signed in")
	})

	phone := dial("/", `{"name":"ann"}`)
	fmt.Println("phone:", phone.receive())
	laptop := dial("/", `{"name":"ann"}`)
	fmt.Println("phone:", phone.receive())
	fmt.Println("laptop:", laptop.receive())
	// Output:
	// phone: 42["signed in"]
	// phone: 42["signed in"]
	// laptop: 42["signed in"]
}

// A rule says who may be in which room.
func ExampleNamespace_SetJoinRule() {
	io, dial, stop := newExample()
	defer stop()
	isStaff := func(socket *socketio.Socket) bool { return string(socket.Auth()) == `{"name":"ann"}` }
	io.Of("/").SetJoinRule(func(socket *socketio.Socket, rooms []string) error {
		if slices.Contains(rooms, "staff") && !isStaff(socket) {
			return errors.New("the room is for staff")
		}
		return socket.CheckJoin(rooms...) // the bounds of Options.Limits
	})
	io.OnConnection(func(socket *socketio.Socket) {
		if err := socket.Join("staff"); err != nil {
			socket.Emit("sorry", err.Error())
			return
		}
		socket.Emit("welcome")
	})

	fmt.Println(dial("/", `{"name":"ann"}`).receive())
	fmt.Println(dial("/", `{"name":"bob"}`).receive())
	// Output:
	// 42["welcome"]
	// 42["sorry","join: the room is for staff"]
}
