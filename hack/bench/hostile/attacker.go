// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// path is where the server's clients connect to, with the revision of the protocol.
const path = "/socket.io/?EIO=4"

// load is a way to misbehave.
type load struct {
	name string
	does string
	// perSecond bounds how often one is begun, and atOnce how many last at a time. One that finds no room is left out.
	perSecond, atOnce int
	run               func(ctx context.Context, a *attacker) error
}

// attacker is who misbehaves. Safe for concurrent use.
type attacker struct {
	address string
	http    *http.Client
	done    atomic.Int64 // attacks that came as far as they were meant to
}

// attackFor is the attacker's process: it tells how many attacks it made.
func attackFor(ctx context.Context, duration time.Duration, name, address string, output io.Writer) error {
	for _, l := range loads {
		if l.name == name {
			ctx, cancel := context.WithTimeout(ctx, duration)
			defer cancel()
			_, err := fmt.Fprintln(output, attack(ctx, l, address))
			return err
		}
	}
	return fmt.Errorf("there is no load %s", name)
}

// attack runs a load until the context ends, and returns how many attacks succeeded.
func attack(ctx context.Context, l load, address string) int64 {
	a := &attacker{address: address, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: l.atOnce}}}
	defer a.http.CloseIdleConnections()
	room := make(chan struct{}, l.atOnce)
	tick := time.NewTicker(time.Second / time.Duration(l.perSecond))
	defer tick.Stop()
	var all sync.WaitGroup
	for {
		select {
		case <-ctx.Done():
			all.Wait()
			return a.done.Load()
		case <-tick.C:
		}
		select {
		case room <- struct{}{}:
			all.Go(func() {
				defer func() { <-room }()
				if l.run(ctx, a) == nil {
					a.done.Add(1)
				}
			})
		default:
		}
	}
}
