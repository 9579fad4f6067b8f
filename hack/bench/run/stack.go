// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// redisTries is how many ports are tried until Redis finds one that is free.
const redisTries = 20

// stack is a peer as it runs.
type stack struct {
	processes []*process
	store     string // folder of the broker's, removed in the end; empty without
	// addrs are for clients. brokers are what is between servers, or in front of them.
	addrs, pids, brokers []string
	monitor              string // of NATS; empty without
	pprof                string // of the server; empty without
}

func (s *stack) stop() {
	for _, p := range s.processes {
		p.stop()
	}
	if s.store != "" {
		_ = os.RemoveAll(s.store) // of the system's folder for what is temporary
	}
}

// start starts one more process. It belongs to the stack from then on.
func (s *stack) start(ctx context.Context, dir, ready string, args []string) (*process, error) {
	p, err := start(ctx, dir, ready, args)
	if err != nil {
		return nil, err
	}
	s.processes = append(s.processes, p)
	return p, nil
}

// startPeer starts a peer as a suite wants it.
func startPeer(ctx context.Context, dir string, s suite, p peer) (*stack, error) {
	started := &stack{}
	if err := started.startAll(ctx, dir, s, p); err != nil {
		started.stop()
		return nil, err
	}
	return started, nil
}

// startAll starts the broker and the servers. What has been started stays, also with an error.
func (s *stack) startAll(ctx context.Context, dir string, of suite, p peer) error {
	broker, err := s.startBroker(ctx, dir, of, p.broker)
	if err != nil {
		return err
	}
	for range p.servers {
		if err := s.startServer(ctx, dir, of, p, broker); err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) startServer(ctx context.Context, dir string, of suite, p peer, broker string) error {
	server, err := s.start(ctx, dir, p.ready, p.command(of, broker))
	if err != nil {
		return err
	}
	s.pids = append(s.pids, server.pid())
	port, err := server.find(p.port)
	if err != nil {
		return err
	}
	addr := "127.0.0.1:" + port
	if profiles, err := server.find(pprofPort); err == nil {
		s.pprof = "127.0.0.1:" + profiles
	}
	if of.tls {
		proxy, err := s.start(ctx, dir, "listening on", tlsProxy(addr))
		if err != nil {
			return err
		}
		s.brokers = append(s.brokers, proxy.pid())
		if port, err = proxy.find(listeningOn); err != nil {
			return err
		}
		addr = "127.0.0.1:" + port
	}
	s.addrs = append(s.addrs, addr)
	return nil
}

// startBroker returns the broker's port.
func (s *stack) startBroker(ctx context.Context, dir string, of suite, kind string) (port string, err error) {
	switch kind {
	case redis:
		return s.startRedis(ctx, dir)
	case nats:
		if of.recovery {
			if s.store, err = os.MkdirTemp("", "bench-jetstream-"); err != nil {
				return "", fmt.Errorf("make a folder for JetStream: %w", err)
			}
		}
		server, err := s.start(ctx, dir, natsReady, natsServer(s.store))
		if err != nil {
			return "", err
		}
		s.brokers = append(s.brokers, server.pid())
		monitor, err := server.find(monitorPort)
		if err != nil {
			return "", err
		}
		s.monitor = "127.0.0.1:" + monitor
		return server.find(natsPort)
	}
	return "", nil
}

// startRedis draws ports below those that the kernel gives to connections, until Redis can have
// one.
func (s *stack) startRedis(ctx context.Context, dir string) (string, error) {
	for try := 1; ; try++ {
		port := 10_000 + rand.IntN(22_000)
		server, err := s.start(ctx, dir, redisReady, redisServer(port))
		switch {
		case err == nil:
			s.brokers = append(s.brokers, server.pid())
			return fmt.Sprint(port), nil
		case try == redisTries || !strings.Contains(err.Error(), "Address already in use"):
			return "", err
		}
	}
}
