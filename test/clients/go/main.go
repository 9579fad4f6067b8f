// SPDX-License-Identifier: Apache-2.0

// Command go sends integers that no double holds by a stock client of Go's: bytes.test.mjs. The
// client itself reads numbers as doubles, so what others receive tells.
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/zishang520/socket.io/clients/engine/v3/transports"
	"github.com/zishang520/socket.io/clients/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

const patience = 10 * time.Second

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// connect returns a client that is connected. What this client emits before that it loses now and
// then, with Node's server too.
func connect(url string) (*socket.Socket, error) {
	options := socket.DefaultOptions()
	options.SetAutoConnect(false)
	options.SetTransports(types.NewSet(transports.WebSocket))
	client, err := socket.Connect(url, options)
	if err != nil {
		return nil, err
	}
	connected := make(chan struct{})
	if err := client.Once("connect", func(...any) { close(connected) }); err != nil {
		return nil, err
	}
	client.Connect()
	select {
	case <-connected:
		return client, nil
	case <-time.After(patience):
		return nil, errors.New("the client does not connect")
	}
}

func run(url string, ids []string) error {
	client, err := connect(url)
	if err != nil {
		return err
	}
	defer client.Disconnect()
	answered := make(chan error)
	for _, text := range ids {
		id, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return err
		}
		if err := client.Emit("wrap", id); err != nil {
			return err
		}
		if err := client.Emit("id", map[string]any{"id": id}); err != nil {
			return err
		}
		client.EmitWithAck("text", id)(func(answer []any, err error) {
			if err == nil {
				fmt.Println(answer...)
			}
			answered <- err
		})
		select {
		case err := <-answered:
			if err != nil {
				return err
			}
		case <-time.After(patience):
			return fmt.Errorf("no answer to %s", text)
		}
	}
	return nil
}
