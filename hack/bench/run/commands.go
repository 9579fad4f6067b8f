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
		if s.recovery {
			command = append(command, "--recovery")
		}
		if s.secured {
			command = append(command, "--issuer-key", publicKeyFile)
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

// dev is `realtime dev` by a program, gateway a gateway.
func dev(program string) func(suite, string) []string {
	return func(s suite, _ string) []string {
		command := []string{program, "dev", "--filename", s.manifest(), "--port", "0"}
		if s.secured {
			command = append(command, "--secrets", secretsFolder)
		}
		return command
	}
}

func gateway(program string) func(suite, string) []string {
	return func(s suite, broker string) []string {
		return []string{
			program, "gateway", "--config", s.config(), "--nats-url", "nats://127.0.0.1:" + broker,
			"--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0",
		}
	}
}

// redisServer takes the port that it is given: 0 would mean none.
func redisServer(port int) []string {
	return []string{"redis-server", "--port", fmt.Sprint(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"}
}

// natsServer has the kernel choose its ports. If it has a store, it keeps the log there.
func natsServer(store string) []string {
	command := []string{"dist/nats-server", "--addr", "127.0.0.1", "--port", "-1", "--http_port", "-1"}
	if store != "" {
		command = append(command, "--jetstream", "--store_dir", store)
	}
	return command
}

// tlsProxy ends TLS in front of a server.
func tlsProxy(addr string) []string { return []string{"dist/tlsproxy", addr} }
