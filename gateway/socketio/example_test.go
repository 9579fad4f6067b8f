// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A server logs who comes and goes.
func Example() {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		panic(err)
	}
	done := make(chan struct{})
	io.OnConnection(func(socket *socketio.Socket) {
		fmt.Println("a user has connected")
		socket.OnDisconnect(func(reason string) {
			fmt.Println("a user has gone:", reason)
			close(done)
		})
	})
	http.Handle("/socket.io/", io) // then http.ListenAndServe(":3000", nil)

	dial, stop := serve(io)
	defer stop()
	user := dial("/", "")
	user.send(`41`) // socket.disconnect() in a browser
	<-done
	// Output:
	// a user has connected
	// a user has gone: client namespace disconnect
}

// Events go to everybody, to one client, and to everybody but one.
func ExampleSocket_Broadcast() {
	io, dial, stop := newExample()
	defer stop()
	connected := make(chan *socketio.Socket, 2)
	io.OnConnection(func(socket *socketio.Socket) { connected <- socket })
	ann := dial("/", "")
	socket := <-connected
	bob := dial("/", "")
	<-connected

	io.Emit("broadcast", "for everybody")
	socket.Emit("private", "for Ann")
	socket.Broadcast().Emit("message", "for everybody but Ann")

	fmt.Println("Ann:", ann.receive())
	fmt.Println("Ann:", ann.receive())
	fmt.Println("Bob:", bob.receive())
	fmt.Println("Bob:", bob.receive())
	// Output:
	// Ann: 42["broadcast","for everybody"]
	// Ann: 42["private","for Ann"]
	// Bob: 42["broadcast","for everybody"]
	// Bob: 42["message","for everybody but Ann"]
}

// A handler gets the event as it came; a typed one, see On, gets what is in it.
func ExampleSocket_On() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socket.On("message", func(ev *socketio.Event) {
			var text string
			if err := ev.Args.Decode(0, &text); err != nil {
				return
			}
			socket.Emit("echo", text)
		})
	})
	user := dial("/", "")
	user.send(`42["message","hello server"]`) // socket.emit("message", "hello server")
	fmt.Println(user.receive())
	// Output: 42["echo","hello server"]
}

// Clients that are in a room get what is sent to it.
func ExampleSocket_Join() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Join("room1")
		io.To("room1").Emit("roomMessage", "to the room")
		socket.Leave("room1")
		io.To("room1").Emit("roomMessage", "nobody hears this")
		socket.Emit("end")
	})
	user := dial("/", "")
	fmt.Println(user.receive())
	fmt.Println(user.receive())
	// Output:
	// 42["roomMessage","to the room"]
	// 42["end"]
}

// A chat room: who joins has a name, what is said reaches everybody.
func ExampleOn() {
	type message struct {
		Username string `json:"username"`
		Message  string `json:"message"`
	}
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socketio.On(socket, "join", func(socket *socketio.Socket, username string) {
			socket.SetData(username)
			io.Emit("systemMessage", username+" has joined")
		})
		socketio.On(socket, "chatMessage", func(socket *socketio.Socket, text string) {
			username, _ := socketio.DataOf[string](socket)
			io.Emit("newMessage", message{username, text})
		})
		socket.OnDisconnect(func(string) {
			if username, ok := socketio.DataOf[string](socket); ok {
				io.Emit("systemMessage", username+" has left")
			}
		})
	})
	ann, bob := dial("/", ""), dial("/", "")
	ann.send(`42["join","Ann"]`)
	fmt.Println(bob.receive())
	ann.send(`42["chatMessage","hi"]`)
	fmt.Println(bob.receive())
	ann.send(`41`)
	fmt.Println(bob.receive())
	// Output:
	// 42["systemMessage","Ann has joined"]
	// 42["newMessage",{"username":"Ann","message":"hi"}]
	// 42["systemMessage","Ann has left"]
}

// A namespace is a channel of its own on the same connection.
func ExampleServer_Of() {
	io, dial, stop := newExample()
	defer stop()
	io.Of("/chat").OnConnection(func(socket *socketio.Socket) {
		socket.Emit("welcome", "to the chat")
	})
	user := dial("/chat", "") // io("/chat")
	fmt.Println(user.receive())
	// Output: 42/chat,["welcome","to the chat"]
}

// One pattern stands for many namespaces, which are made as clients come.
func ExampleServer_OfPattern() {
	io, dial, stop := newExample()
	defer stop()
	orders, err := io.OfPattern(`/orders/(?P<id>[0-9]+)`)
	if err != nil {
		panic(err)
	}
	orders.OnConnection(func(socket *socketio.Socket) {
		socket.Emit("order", socket.Namespace().Param("id"))
	})
	user := dial("/orders/42", "")
	fmt.Println(user.receive())
	// Output: 42/orders/42,["order","42"]
}

// A middleware lets in who has the right token. Who has not gets connect_error, with data if there
// is any.
func ExampleServer_Use() {
	io, dial, stop := newExample()
	defer stop()
	io.Use(func(socket *socketio.Socket) error {
		var auth struct {
			Token string `json:"token"`
		}
		if err := socket.Handshake().DecodeAuth(&auth); err != nil || auth.Token != "secret" {
			return &socketio.ConnectError{Message: "authentication failed", Data: map[string]int{"code": 401}}
		}
		return nil
	})
	io.OnConnection(func(socket *socketio.Socket) { socket.Emit("welcome") })

	refused := dial("", "")
	refused.send(`40{"token":"guess"}`) // io({auth: {token: "guess"}})
	fmt.Println(refused.receive())
	admitted := dial("/", `{"token":"secret"}`)
	fmt.Println(admitted.receive())
	// Output:
	// 44{"message":"authentication failed","data":{"code":401}}
	// 42["welcome"]
}

// A middleware of the socket sees each of its events before the handlers; what it refuses goes to
// OnError.
func ExampleSocket_Use() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Use(func(ev *socketio.Event) error {
			if ev.Name == "admin" {
				return errors.New("unauthorized event")
			}
			return nil
		})
		socket.OnError(func(err error) { socket.Emit("refused", err.Error()) })
	})
	user := dial("/", "")
	user.send(`42["admin"]`)
	fmt.Println(user.receive())
	// Output: 42["refused","event \"admin\": unauthorized event"]
}

// The heartbeat is built in: the server pings, and a client that does not answer is gone. Its pace
// is a setting.
func ExampleNewServer() {
	io, err := socketio.NewServer(socketio.Options{
		ConnectTimeout: 10 * time.Second,
		Engine: engineio.Config{
			PingInterval: 50 * time.Millisecond,
			PingTimeout:  50 * time.Millisecond,
			MaxPayload:   1 << 20,
		},
	})
	if err != nil {
		panic(err)
	}
	reasons := make(chan string, 1)
	io.OnConnection(func(socket *socketio.Socket) {
		socket.OnDisconnect(func(reason string) { reasons <- reason })
	})
	dial, stop := serve(io)
	defer stop()
	dial("/", "") // and never answers
	fmt.Println(<-reasons == socketio.ReasonPingTimeout)
	// Output: true
}

// Binary data travels as it is, without base64, beside the other arguments.
func ExampleNewArgs() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) { socket.Emit("file", "tiny.png", []byte{0x89, 'P', 'N', 'G'}) })
	user := dial("/", "")
	fmt.Println(user.receive())
	fmt.Println(user.receive())
	// Output:
	// 451-["file","tiny.png",{"_placeholder":true,"num":0}]
	// binary [137 80 78 71]
}

// Connections that are of no use any more are found and closed.
func ExampleBroadcast_FetchSockets() {
	io, dial, stop := newExample()
	defer stop()
	connected := make(chan *socketio.Socket, 1)
	io.OnConnection(func(socket *socketio.Socket) {
		socket.Join("idle")
		connected <- socket
	})
	user := dial("/", "")
	<-connected
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	sockets, err := io.In("idle").FetchSockets(ctx)
	if err != nil {
		panic(err)
	}
	for i := range sockets {
		fmt.Println("idle:", slices.Contains(sockets[i].Rooms, "idle"))
		if err := sockets[i].Disconnect(ctx, false); err != nil {
			panic(err)
		}
	}
	fmt.Println(user.receive())
	// Output:
	// idle: true
	// 41
}

// The server asks a client, and waits for the answer no longer than the context does.
func ExampleSocket_EmitWithAck() {
	io, dial, stop := newExample()
	defer stop()
	answers := make(chan string, 1)
	io.OnConnection(func(socket *socketio.Socket) {
		go func() { // a handler must not wait for its own client
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			args, err := socket.EmitWithAck(ctx, "question", "how are you?")
			if err != nil {
				answers <- err.Error()
				return
			}
			answer, _ := socketio.Decode[string](args, 0)
			answers <- answer
		}()
	})
	user := dial("/", "")
	fmt.Println(user.receive())
	user.send(`430["fine"]`)
	fmt.Println(<-answers)
	// Output:
	// 420["question","how are you?"]
	// fine
}

// A typed handler answers with what it returns.
func ExampleOnAck() {
	io, dial, stop := newExample()
	defer stop()
	io.OnConnection(func(socket *socketio.Socket) {
		socketio.OnAck(socket, "add", func(_ *socketio.Socket, numbers []int) (int, error) {
			sum := 0
			for _, n := range numbers {
				sum += n
			}
			return sum, nil
		})
	})
	user := dial("/", "")
	user.send(`427["add",[1,2,3]]`) // await socket.emitWithAck("add", [1, 2, 3])
	fmt.Println(user.receive())
	// Output: 437[6]
}

// A cursor's position is worth nothing when the next one is there: it may be dropped for a client
// that is slow.
func ExampleBroadcast_Volatile() {
	io, _, stop := newExample()
	defer stop()
	err := io.To("board").Except("viewers").Volatile().Emit("cursor", 17, 4)
	fmt.Println(err)
	// Output: <nil>
}

func newExample() (io *socketio.Server, dial func(namespace, auth string) *exampleClient, stop func()) {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		panic(err)
	}
	io.Of("/")
	dial, stop = serve(io)
	return io, dial, stop
}
