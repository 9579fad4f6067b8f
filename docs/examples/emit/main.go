// SPDX-License-Identifier: Apache-2.0

// Command emit publishes over NATS: NATS_URL=nats://nats:4222 SUBJECT=realtime.emit.default.chat go
// run ./docs/examples/emit
//
// NATS_CA names a file with the authority of a NATS that encrypts.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats.go"
)

func main() {
	if err := emit("/", "newMessage", map[string]string{"username": "go", "message": "hello"}); err != nil {
		log.Fatal(err)
	}
}

// emit sends an event to everybody in a namespace, and returns when a gateway has taken it.
func emit(namespace, event string, args ...any) error {
	var options []nats.Option
	if authority := os.Getenv("NATS_CA"); authority != "" {
		options = append(options, nats.RootCAs(authority))
	}
	nc, err := nats.Connect(os.Getenv("NATS_URL"), options...)
	if err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	defer nc.Close()
	document, err := json.Marshal(map[string]any{"namespace": namespace, "event": event, "args": args})
	if err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	answer, err := nc.Request(os.Getenv("SUBJECT"), document, 10*time.Second)
	if err != nil {
		return fmt.Errorf("ask a gateway: %w", err)
	}
	fmt.Println(string(answer.Data))
	return nil
}
