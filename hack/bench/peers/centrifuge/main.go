// SPDX-License-Identifier: Apache-2.0

// Command centrifuge serves the guide's chat by centrifugal/centrifuge, a Go library for the same
// ends with a protocol of its own:
//
//	centrifuge -nats nats://127.0.0.1:4222 127.0.0.1:3000
package main

import (
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/centrifugal/centrifuge"
)

// everybody is the channel that all clients are in.
const everybody = "chat"

// said is what a client sends; without a room it is for everybody.
type said struct {
	Room string `json:"room"`
	Text string `json:"text"`
}

// message is what its receivers get.
type message struct {
	Username  string `json:"username"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
}

// compressFrom is the size in bytes from which messages are compressed with -deflate.
const compressFrom = 64

func main() {
	natsURL := flag.String("nats", "", "NATS server that connects nodes (default: this is the only one)")
	deflate := flag.Bool("deflate", false, "compress messages for clients that ask for permessage-deflate")
	flag.Parse()
	if err := run(flag.Arg(0), *natsURL, *deflate); err != nil {
		fmt.Fprintln(os.Stderr, "centrifuge:", err)
		os.Exit(1)
	}
}

func run(addr, natsURL string, deflate bool) error {
	if addr == "" {
		return errors.New("what follows is an address to listen on")
	}
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return fmt.Errorf("make a node: %w", err)
	}
	if natsURL != "" {
		broker, err := newNATSBroker(natsURL)
		if err != nil {
			return err
		}
		node.SetBroker(broker)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:   &centrifuge.Credentials{},
			Subscriptions: map[string]centrifuge.SubscribeOptions{everybody: {}},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) { serve(node, client) })
	if err := node.Run(); err != nil {
		return fmt.Errorf("run the node: %w", err)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Println("listening on", l.Addr().(*net.TCPAddr).Port)
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		Compression: deflate, CompressionLevel: flate.BestSpeed, CompressionMinSize: compressFrom,
	}))
	return (&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(l)
}

func serve(node *centrifuge.Node, client *centrifuge.Client) {
	client.OnSubscribe(func(_ centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
		reply(centrifuge.SubscribeReply{}, nil)
	})
	client.OnRPC(func(e centrifuge.RPCEvent, reply centrifuge.RPCCallback) {
		reply(centrifuge.RPCReply{Data: e.Data}, nil)
	})
	client.OnMessage(func(e centrifuge.MessageEvent) {
		var s said
		if json.Unmarshal(e.Data, &s) != nil {
			return
		}
		channel := everybody
		if s.Room != "" {
			channel = s.Room
		}
		data, err := json.Marshal(message{"user1", s.Text, time.Now().UTC().Format("2006-01-02T15:04:05.000Z")})
		if err == nil {
			_, err = node.Publish(channel, data)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "publish:", err)
		}
	})
}
