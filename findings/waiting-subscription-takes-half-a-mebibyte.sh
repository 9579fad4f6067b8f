#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Each SubscribeSync takes 512 KiB of heap before the first message comes, whatever limits are set for what
# may be pending: its channel is made for 65,536 messages, and the collector counts it. A program that waits
# for answers on 1,000 inboxes at once has half a gibibyte of live heap. SetPendingLimits changes nothing; the
# connection's option SyncQueueLen does, and so does a channel of one's own.
#
# Seen with nats.go 1.55.0 and nats-server 2.15.3. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
go mod init example.com/case 2>/dev/null
cat > main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"runtime"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const many = 100

func main() {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true})
	must(err)
	s.Start()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		log.Fatal("the server does not start")
	}
	measure("SubscribeSync", s, sync)
	measure("SubscribeSync, at most 16 messages pending", s, func(nc *nats.Conn) *nats.Subscription {
		sub := sync(nc)
		must(sub.SetPendingLimits(16, 1<<20))
		return sub
	})
	measure("SubscribeSync, SyncQueueLen(16)", s, sync, nats.SyncQueueLen(16))
	measure("ChanSubscribe, a channel for 16", s, func(nc *nats.Conn) *nats.Subscription {
		sub, err := nc.ChanSubscribe(nc.NewInbox(), make(chan *nats.Msg, 16))
		must(err)
		return sub
	})
}

func sync(nc *nats.Conn) *nats.Subscription {
	sub, err := nc.SubscribeSync(nc.NewInbox())
	must(err)
	return sub
}

// measure prints what a subscription takes, in steps of 64 KiB.
func measure(name string, s *server.Server, subscribe func(*nats.Conn) *nats.Subscription, options ...nats.Option) {
	nc, err := nats.Connect(s.ClientURL(), options...)
	must(err)
	defer nc.Close()
	must(nc.Flush())
	before := heap()
	subs := make([]*nats.Subscription, many)
	for i := range subs {
		subs[i] = subscribe(nc)
	}
	must(nc.Flush())
	each := (heap() - before) / many
	fmt.Printf("%s: %d KiB\n", name, each>>16<<6)
	runtime.KeepAlive(subs)
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
go get github.com/nats-io/nats-server/v2@v2.15.3 github.com/nats-io/nats.go@v1.55.0
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
diff <(echo "$seen") - <<'OUT'
SubscribeSync: 512 KiB
SubscribeSync, at most 16 messages pending: 512 KiB
SubscribeSync, SyncQueueLen(16): 0 KiB
ChanSubscribe, a channel for 16: 0 KiB
OUT
