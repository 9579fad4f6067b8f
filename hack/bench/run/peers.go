// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// node is the peer that others are compared with, twoNodes the same for suites on two servers.
const (
	node     = "node"
	twoNodes = "node-redis"
)

// peer is a server to measure.
type peer struct {
	name, about string
	servers     int
	protocol    string
	broker      string // "", redis or nats
	// command starts a server; ready is in the line that says that it takes clients.
	command func(port, ops, brokerPort int) []string
	ready   string
}

func (p peer) title() string { return p.name }

const (
	redis = "redis"
	nats  = "nats"
)

const serviceManifest = "hack/bench/peers/ours/service.yaml"

var peers = []peer{
	{name: node, about: "Node, socket.io", servers: 1, protocol: "socketio", ready: "listening on", command: nodeServer("")},
	{name: "ours", about: "ours: realtime dev, with NATS inside", servers: 1, protocol: "socketio", ready: "gateway 1", command: func(port, _, _ int) []string {
		return []string{"dist/realtime", "dev", "--filename", serviceManifest, "--port", fmt.Sprint(port)}
	}},
	{name: "bun", about: "Bun, @socket.io/bun-engine", servers: 1, protocol: "socketio", ready: "listening on", command: func(port, _, _ int) []string {
		return []string{"dist/bun", "hack/bench/peers/bun/server.mjs", fmt.Sprint(port)}
	}},
	{name: "centrifuge", about: "centrifuge (Go), own protocol", servers: 1, protocol: "centrifuge", ready: "listening on", command: func(port, _, _ int) []string {
		return []string{"dist/centrifuge", fmt.Sprintf("127.0.0.1:%d", port)}
	}},
	{name: twoNodes, about: "Node, Redis adapter", servers: 2, protocol: "socketio", broker: redis, ready: "listening on", command: nodeServer("redis")},
	{name: "node-redis-streams", about: "Node, Redis Streams adapter", servers: 2, protocol: "socketio", broker: redis, ready: "listening on", command: nodeServer("redis-streams")},
	{name: "ours-nats", about: "ours: two gateways over NATS", servers: 2, protocol: "socketio", broker: nats, ready: "gateway is listening", command: func(port, ops, broker int) []string {
		return []string{"dist/realtime", "gateway", "--config", gatewayConfig, "--name", fmt.Sprint("gateway-", port), "--nats-url", fmt.Sprintf("nats://127.0.0.1:%d", broker),
			"--listen", fmt.Sprintf("127.0.0.1:%d", port), "--ops-listen", fmt.Sprintf("127.0.0.1:%d", ops)}
	}},
}

func nodeServer(adapter string) func(port, ops, broker int) []string {
	return func(port, _, broker int) []string {
		command := []string{"node", "hack/bench/peers/socketio/server.mjs", "--port", fmt.Sprint(port)}
		if adapter != "" {
			command = append(command, "--adapter", adapter, "--redis", fmt.Sprintf("redis://127.0.0.1:%d", broker))
		}
		return command
	}
}

func brokerCommand(kind string, port int) (command []string, ready string) {
	if kind == redis {
		return []string{"redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}, "Ready to accept connections"
	}
	return []string{"dist/nats-server", "--addr", "127.0.0.1", "--port", fmt.Sprint(port)}, "Server is ready"
}
