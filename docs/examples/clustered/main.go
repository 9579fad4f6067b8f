// SPDX-License-Identifier: Apache-2.0

// Command clustered is a chat of one's own that runs in any number of processes behind a load
// balancer that knows nothing of sessions. Start several, with the same NATS (with JetStream) and
// the same secret:
//
//	export CHAT_SECRET=$(openssl rand -base64 32)
//	go run ./docs/examples/clustered -listen :3001 -peer-listen :7001 &
//	go run ./docs/examples/clustered -listen :3002 -peer-listen :7002 &
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/clustered"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func main() {
	listen := flag.String("listen", ":3000", "`address` for clients")
	nats := flag.String("nats-url", "nats://127.0.0.1:4222", "`URL` of NATS")
	peerListen := flag.String("peer-listen", clustered.DefaultPeerListen, "`address` for the other servers")
	peerHost := flag.String("peer-host", "127.0.0.1", "`host` on which they reach this one")
	drain := flag.Duration("drain", 10*time.Second, "how long clients are sent to the other servers for at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *listen, *nats, *peerListen, *peerHost, *drain)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "clustered:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, natsURL, peerListen, peerHost string, drain time.Duration) error {
	secret, err := base64.StdEncoding.DecodeString(os.Getenv("CHAT_SECRET"))
	if err != nil {
		return fmt.Errorf("read CHAT_SECRET: %w", err)
	}
	server, err := clustered.NewServer(clustered.Options{
		Service:    "chat",
		NATSURLs:   []string{natsURL},
		Secrets:    [][]byte{secret},
		PeerListen: peerListen,
		PeerHost:   peerHost,
		Options:    socketio.Options{Recovery: &socketio.Recovery{}},
	})
	if err != nil {
		return err
	}
	server.IO.OnConnection(func(socket *socketio.Socket) { chat(server.IO, socket) })
	return serve(ctx, listen, server, drain)
}

// chat is what a client may do: enter a room, and say something in one.
func chat(io *socketio.Server, socket *socketio.Socket) {
	socketio.OnAck(socket, "enter", func(socket *socketio.Socket, room string) (string, error) {
		return room, socket.Join(room)
	})
	socket.On("say", func(ev *socketio.Event) {
		var room, text string
		if err := ev.Args.Scan(&room, &text); err != nil {
			return
		}
		var receipt socketio.Receipt
		err := io.To(room).Receipt(&receipt).Emit("said", text)
		answer(ev, &receipt, err)
	})
}

// answer tells the client whether what it said is stored, and so will reach everybody.
func answer(ev *socketio.Event, receipt *socketio.Receipt, err error) {
	stored, _ := socketio.NewArgs("stored")
	lost, _ := socketio.NewArgs("lost")
	if err != nil {
		stored = lost
	}
	if err := ev.AckSettled(receipt, stored, lost); err != nil && !errors.Is(err, socketio.ErrNoAck) {
		fmt.Fprintln(os.Stderr, "answer:", err)
	}
}

// serve serves until the context ends. Then the clients are sent to the other servers; those that
// do not hear it in time are cut off.
func serve(ctx context.Context, listen string, server *clustered.Server, drain time.Duration) error {
	mux := http.NewServeMux()
	mux.Handle(socketio.DefaultPath, server)
	mux.HandleFunc("/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !server.Ready() {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})
	web := &http.Server{Addr: listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- web.ListenAndServe() }()
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain+3*time.Second)
	defer cancel()
	if err := server.Drain(leaving, engineio.Pace{Within: drain}); err != nil {
		fmt.Fprintln(os.Stderr, "clustered:", err)
	}
	return errors.Join(server.Close(), web.Close())
}
