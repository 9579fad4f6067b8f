#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A message for which a stream has no room is answered with 503, and one for which the ACCOUNT has none with
# 400, the class of requests that can never succeed: a publisher that gives up on 400 and retries on 503
# loses it, though it is stored unchanged as soon as there is room again.
#
# Seen with nats-server 2.15.2 (an account limited by max_disk, a stream by max_bytes with discard: new)
# and nats.go 1.55.0. Fails if that changes.
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

const config = `
listen: "127.0.0.1:-1"
jetstream {store_dir: %q, max_file_store: 1MB}
accounts {
  small {jetstream: {max_disk: 80KB}, users: [{user: account, password: secret}]}
  large {jetstream: enabled, users: [{user: stream, password: secret}]}
}
no_auth_user: account
`

func main() {
	must(os.WriteFile("server.conf", fmt.Appendf(nil, config, os.Args[1]), 0o600))
	options, err := server.ProcessConfigFile("server.conf")
	must(err)
	options.NoLog, options.NoSigs = true, true
	s, err := server.NewServer(options)
	must(err)
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal("the server does not start")
	}
	fill(s, "account", 0)
	fill(s, "stream", 80<<10)
}

// fill publishes a message, one of the same size for which there is no room, and that again when there is.
func fill(s *server.Server, user string, most int64) {
	nc, err := nats.Connect(s.ClientURL(), nats.UserInfo(user, "secret"))
	must(err)
	defer nc.Close()
	js, err := nc.JetStream()
	must(err)
	_, err = js.AddStream(&nats.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxBytes: most, Discard: nats.DiscardNew})
	must(err)
	fmt.Printf("%s: %s\n", user, publish(js, 50<<10))
	fmt.Printf("%s without room: %s\n", user, publish(js, 50<<10))
	must(js.PurgeStream("S"))
	fmt.Printf("%s with room again: %s\n", user, publish(js, 50<<10))
	must(js.DeleteStream("S"))
}

func publish(js nats.JetStreamContext, size int) string {
	ack, err := js.Publish("s", make([]byte, size))
	var refused *nats.APIError
	if errors.As(err, &refused) {
		return fmt.Sprintf("%d (%d) %s", refused.Code, refused.ErrorCode, refused.Description)
	}
	must(err)
	return fmt.Sprintf("stored as %d", ack.Sequence)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.55.0
seen=$(GOFLAGS=-mod=mod go run . "$dir/store")
echo "$seen"
diff <(echo "$seen") - <<'OUT'
account: stored as 1
account without room: 400 (10002) resource limits exceeded for account
account with room again: stored as 2
stream: stored as 1
stream without room: 503 (10077) maximum bytes exceeded
stream with room again: stored as 2
OUT
