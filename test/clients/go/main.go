// SPDX-License-Identifier: Apache-2.0

// Command go sends integers that no double holds by a stock client of Go's: bytes.test.mjs. The
// client itself reads numbers as doubles, so what others receive tells.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/zishang520/socket.io/clients/socket/v3"
)

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url string, ids []string) error {
	client, err := socket.Connect(url, nil)
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
		case <-time.After(10 * time.Second):
			return fmt.Errorf("no answer to %s", text)
		}
	}
	return nil
}
