// SPDX-License-Identifier: Apache-2.0

package main

import "regexp"

// node is the peer that others are compared with, twoNodes the same for suites on two servers.
const (
	node     = "node"
	twoNodes = "node-redis"
)

// Names of ours.
const (
	oursGateway = "ours-gateway"
	oursTwo     = "ours-nats"
	oursOne     = "ours"
)

// twoStreams is the peer that others are compared with in suites with recovery: Node's Redis
// adapter knows none.
const twoStreams = "node-redis-streams"

// Names of ours by a program of before.
const (
	previousOne = "previous"
	previousTwo = "previous-nats"
)

// deflateFrom is the size in bytes from which messages are compressed in the suites that compress:
// all of them, heartbeats apart.
const deflateFrom = 64

// peer is a server to measure. It listens on a port that the kernel chooses, and says which.
type peer struct {
	name, about string
	servers     int
	protocol    string
	broker      string // "", redis or nats
	// special peers are measured by the suites that name them, and no others.
	special bool
	// command starts a server; broker is the broker's port.
	command func(s suite, broker string) []string
	// ready is in the line that says that it takes clients, port finds theirs in what it has said
	// by then.
	ready string
	port  *regexp.Regexp
}

func (p peer) title() string { return p.name }

const (
	redis = "redis"
	nats  = "nats"
)

var (
	listeningOn  = regexp.MustCompile(`listening on (\d+)`)
	devPort      = regexp.MustCompile(`gateway 1 .*:(\d+)/`)
	gatewayPort  = regexp.MustCompile(`"clients":"127\.0\.0\.1:(\d+)"`)
	pprofPort    = regexp.MustCompile(`pprof is on 127\.0\.0\.1:(\d+)`)
	natsPort     = regexp.MustCompile(`Listening for client connections on 127\.0\.0\.1:(\d+)`)
	monitorPort  = regexp.MustCompile(`Starting http monitor on 127\.0\.0\.1:(\d+)`)
	redisReady   = "Ready to accept connections"
	natsReady    = "Server is ready"
	devReady     = "gateway 1"
	gatewayReady = "gateway is listening"
)

var peers = []peer{
	{name: node, about: "Node, socket.io", servers: 1, protocol: "socketio", ready: "listening on", port: listeningOn, command: nodeServer("")},
	{name: oursOne, about: "ours: realtime dev, with NATS inside", servers: 1, protocol: "socketio", ready: devReady, port: devPort, command: dev("dist/realtime")},
	{name: "bun", about: "Bun, @socket.io/bun-engine", servers: 1, protocol: "socketio", ready: "listening on", port: listeningOn, command: func(suite, string) []string {
		return []string{"dist/bun", "hack/bench/peers/bun/server.mjs", "0"}
	}},
	{name: "centrifuge", about: "centrifuge (Go), own protocol", servers: 1, protocol: "centrifuge", ready: "listening on", port: listeningOn, command: centrifuge},
	{name: oursGateway, about: "ours: a gateway", servers: 1, protocol: "socketio", broker: nats, special: true, ready: gatewayReady, port: gatewayPort, command: gateway("dist/realtime")},
	{name: twoNodes, about: "Node, Redis adapter", servers: 2, protocol: "socketio", broker: redis, ready: "listening on", port: listeningOn, command: nodeServer("redis")},
	{name: twoStreams, about: "Node, Redis Streams adapter", servers: 2, protocol: "socketio", broker: redis, ready: "listening on", port: listeningOn, command: nodeServer("redis-streams")},
	{name: oursTwo, about: "ours: two gateways over NATS", servers: 2, protocol: "socketio", broker: nats, ready: gatewayReady, port: gatewayPort, command: gateway("dist/realtime")},
	{name: "centrifuge-nats", about: "centrifuge over NATS", servers: 2, protocol: "centrifuge", broker: nats, ready: "listening on", port: listeningOn, command: centrifuge},
}

// previousPeers are ours by a program of before.
func previousPeers(program string) []peer {
	return []peer{
		{name: previousOne, about: "previous: realtime dev", servers: 1, protocol: "socketio", ready: devReady, port: devPort, command: dev(program)},
		{name: previousTwo, about: "previous: two gateways", servers: 2, protocol: "socketio", broker: nats, ready: gatewayReady, port: gatewayPort, command: gateway(program)},
	}
}

// profiled is ours with profiles. Nothing is compared with it.
var profiled = peer{
	name: "ours-profiled", about: "ours, profiled", servers: 1, protocol: "socketio", ready: devReady, port: devPort, command: func(s suite, _ string) []string {
		return []string{"dist/profiled", s.manifest()}
	},
}
