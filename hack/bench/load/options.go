// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// options are the program's flags.
type options struct {
	suite            string
	dialect          *dialect
	addrs            []netip.AddrPort
	servers, brokers tree
	clients, rooms   int
	slots, size      int
	rate             float64
	warmup, duration time.Duration
	settle           time.Duration
	stall            bool
	tls, deflate     bool
	tokens           []string // that clients show, in turn
	// monitor is where the NATS server among brokers tells its traffic, pprof where the server
	// tells its profile. Empty: nobody is asked.
	monitor, pprof string
	profileTo      string
}

// roomsOfSuite is 0 if all clients are to hear each other.
func (o *options) roomsOfSuite() int {
	if o.suite == "rooms" || o.suite == "fixed-rooms" {
		return o.rooms
	}
	return 0
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.StringVar(&o.suite, "suite", "broadcast", "what to do: broadcast, rooms, fixed, fixed-rooms, echo, idle or accept")
	dialect := f.String("protocol", "socketio", "what the server speaks: socketio or centrifuge")
	addrs := f.String("addr", "127.0.0.1:3000", "addresses of the servers, with commas; clients take them in turn")
	servers := f.String("pid", "", "process ids of the servers, with commas; their children count too")
	brokers := f.String("broker-pid", "", "process ids of what connects the servers")
	f.IntVar(&o.clients, "clients", 1000, "number of clients")
	f.IntVar(&o.rooms, "rooms", 100, "number of rooms of the suites rooms and fixed-rooms")
	f.IntVar(&o.slots, "w", 8, "messages outstanding in each room; senders in the suites fixed and fixed-rooms, those of each room")
	f.IntVar(&o.size, "size", 100, "bytes of a text")
	f.Float64Var(&o.rate, "rate", 10_000, "deliveries per second of the suites fixed and fixed-rooms")
	f.DurationVar(&o.warmup, "warmup", time.Second, "time under load before the measurement")
	f.DurationVar(&o.duration, "duration", 4*time.Second, "time of the measurement")
	f.DurationVar(&o.settle, "settle", 5*time.Second, "rest before memory is read, in the suite idle")
	f.BoolVar(&o.stall, "stall", false, "in the suite fixed: the last client stops reading after the measurement, and the others are measured again")
	f.BoolVar(&o.tls, "tls", false, "clients use TLS, and trust any certificate")
	f.BoolVar(&o.deflate, "deflate", false, "clients ask for permessage-deflate, each message on its own; it fails if nothing comes compressed")
	tokens := f.String("tokens", "", "file with a token on each line, which clients show in turn as auth.token")
	f.StringVar(&o.monitor, "nats-monitor", "", "host and port where a NATS server of -broker-pid is monitored; its traffic is told")
	f.StringVar(&o.pprof, "pprof", "", "host and port of net/http/pprof in the server; its profiles are written")
	f.StringVar(&o.profileTo, "profile-to", "profile", "file for them, less .cpu and .heap")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.dialect = dialects[*dialect]; o.dialect == nil {
		return nil, fmt.Errorf("-protocol %s: it is socketio or centrifuge", *dialect)
	}
	if o.size < stampBytes || o.slots < 1 || o.clients < 1 || o.rooms < 1 || o.clients < o.roomsOfSuite() {
		return nil, fmt.Errorf("-size is at least %d, -w, -clients and -rooms at least 1, and each room has a client", stampBytes)
	}
	for _, a := range strings.Split(*addrs, ",") {
		addr, err := netip.ParseAddrPort(a)
		if err != nil || !addr.Addr().Is4() || !addr.Addr().IsLoopback() {
			return nil, fmt.Errorf("-addr %s: it is 127.0.0.1:PORT; load stays on this machine", a)
		}
		o.addrs = append(o.addrs, addr)
	}
	var err error
	if o.tokens, err = readTokens(*tokens); err != nil {
		return nil, err
	}
	if o.servers, err = parseTree(*servers); err != nil {
		return nil, err
	}
	o.brokers, err = parseTree(*brokers)
	return o, err
}

func readTokens(file string) ([]string, error) {
	if file == "" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("-tokens: %w", err)
	}
	return strings.Fields(string(data)), nil
}

func parseTree(list string) (tree, error) {
	var t tree
	if list == "" {
		return nil, nil
	}
	for _, id := range strings.Split(list, ",") {
		pid, err := strconv.Atoi(id)
		if err != nil {
			return nil, fmt.Errorf("%q is no process id: %w", id, err)
		}
		t = append(t, pid)
	}
	return t, nil
}
