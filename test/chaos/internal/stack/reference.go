// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// nodeGrace is more than Node's servers take to close.
const nodeGrace = 20 * time.Second

// Reference is Node's server with the Redis Streams adapter, in the folder peer, and Debian's
// redis-server as its users run it: with an append-only file.
func Reference(dir, peer, redisServer string) (Stack, error) {
	data := filepath.Join(dir, "redis")
	if err := os.MkdirAll(data, 0o755); err != nil {
		return Stack{}, fmt.Errorf("make a folder for Redis: %w", err)
	}
	s := node(peer, "reference: Node, Redis Streams", func(brokers []string) []string { return []string{"--redis", "redis://" + brokers[0]} })
	s.Brokers = 1
	s.broker = func(_ int, ports []brokerPorts) command {
		return command{
			name:  "redis",
			path:  redisServer,
			args:  []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(ports[0].clients), "--dir", data, "--appendonly", "yes"},
			ready: local(ports[0].clients),
		}
	}
	return s, nil
}

// ReferenceInMemory is one Node server with the adapter that recovers from its own memory.
func ReferenceInMemory(peer string) Stack {
	return node(peer, "reference: Node, in memory", func([]string) []string { return nil })
}

func node(peer, name string, more func(brokers []string) []string) Stack {
	return Stack{
		Name:          name,
		NeedsAffinity: true,
		Grace:         nodeGrace,
		gateway: func(n, _ int, ports gatewayPorts, brokers []string) command {
			return command{
				name:  fmt.Sprintf("node-%d", n),
				path:  "node",
				args:  append([]string{filepath.Join(peer, "server.mjs"), "--port", strconv.Itoa(ports.clients)}, more(brokers)...),
				ready: "http://" + local(ports.clients) + "/ready",
			}
		},
	}
}
