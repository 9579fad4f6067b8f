#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A publisher that has lost the acknowledgement sends its message again, with the same Nats-Msg-Id, and is
# told that it is a duplicate of the stored one. If the message has a Nats-Expected-Last-Subject-Sequence
# too, it is told "wrong last sequence" instead, as if somebody else had written: JetStream compares the
# sequence before it looks for duplicates, and the message itself has moved that. So optimistic
# concurrency and exactly-once publishing do not work together: a refusal does not say whether one's own
# message is stored.
#
# Seen with nats-server 2.15.3 and nats.go 1.55.0. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
go mod init example.com/case 2>/dev/null
cat > main.go <<'GO'
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func main() {
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: os.Args[1], NoLog: true, NoSigs: true,
	})
	must(err)
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal("the server does not start")
	}
	nc, err := nats.Connect(s.ClientURL())
	must(err)
	defer nc.Close()
	js, err := nc.JetStream()
	must(err)
	_, err = js.AddStream(&nats.StreamConfig{Name: "S", Subjects: []string{"s.*"}, Duplicates: time.Minute})
	must(err)
	for _, once := range []struct {
		name, subject string
		options       []nats.PubOpt
	}{
		{"an id", "s.id", []nats.PubOpt{nats.MsgId("a")}},
		{"an id and a condition", "s.both", []nats.PubOpt{nats.MsgId("b"), nats.ExpectLastSequencePerSubject(0)}},
	} {
		fmt.Printf("%s: %s\n", once.name, publish(js, once.subject, once.options))
		fmt.Printf("%s, sent again: %s\n", once.name, publish(js, once.subject, once.options))
	}
}

func publish(js nats.JetStreamContext, subject string, options []nats.PubOpt) string {
	ack, err := js.Publish(subject, []byte("text"), options...)
	var refused *nats.APIError
	switch {
	case errors.As(err, &refused):
		return fmt.Sprintf("%d (%d) %s", refused.Code, refused.ErrorCode, refused.Description)
	case err != nil:
		log.Fatal(err)
	case ack.Duplicate:
		return fmt.Sprintf("a duplicate of %d", ack.Sequence)
	}
	return fmt.Sprintf("stored as %d", ack.Sequence)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
go get github.com/nats-io/nats-server/v2@v2.15.3 github.com/nats-io/nats.go@v1.55.0
seen=$(GOFLAGS=-mod=mod go run . "$dir/store")
echo "$seen"
diff <(echo "$seen") - <<'OUT'
an id: stored as 1
an id, sent again: a duplicate of 1
an id and a condition: stored as 2
an id and a condition, sent again: 400 (10071) wrong last sequence: 2
OUT
