// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

func nodeServer(adapter string) func(suite, string) []string {
	return func(s suite, broker string) []string {
		command := []string{"node", "hack/bench/peers/socketio/server.mjs", "--port", "0"}
		if adapter != "" {
			command = append(command, "--adapter", adapter, "--redis", "redis://127.0.0.1:"+broker)
		}
		if s.deflate {
			command = append(command, "--deflate", fmt.Sprint(deflateFrom))
		}
		return command
	}
}

func centrifuge(s suite, broker string) []string {
	command := []string{"dist/centrifuge"}
	if broker != "" {
		command = append(command, "-nats", "nats://127.0.0.1:"+broker)
	}
	if s.deflate {
		command = append(command, "-deflate")
	}
	return append(command, "127.0.0.1:0")
}

func gateway(_ suite, broker string) []string {
	return []string{
		"dist/realtime", "gateway", "--config", gatewayConfig, "--nats-url", "nats://127.0.0.1:" + broker,
		"--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0",
	}
}

// redisServer takes the port that it is given: 0 would mean none.
func redisServer(port int) []string {
	return []string{"redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}
}

// natsServer has the kernel choose its ports.
func natsServer() []string {
	return []string{"dist/nats-server", "--addr", "127.0.0.1", "--port", "-1", "--http_port", "-1"}
}

// tlsProxy ends TLS in front of a server.
func tlsProxy(addr string) []string { return []string{"dist/tlsproxy", addr} }
