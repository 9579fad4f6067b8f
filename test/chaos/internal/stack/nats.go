// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	natsUser = "gateways"
	// reloadTimeout is how long the servers may take to read their configuration.
	reloadTimeout = 10 * time.Second
	// diskLimit is how much each NATS server may store: many times what a run needs.
	diskLimit = "64MB"
)

// NATSServers are the NATS servers of a stack and the credentials for them.
type NATSServers struct {
	dir, program string
	// secret is the folder that gateways read their credentials from.
	secret    string
	password  string // of the servers
	rotations int
}

// sharedConfig is what the configuration of all servers includes.
const sharedConfig = "nats-all.conf"

func newNATSServers(dir, program string, servers int) (*NATSServers, error) {
	s := &NATSServers{dir: dir, program: program, secret: filepath.Join(dir, "nats-credentials")}
	if err := os.MkdirAll(s.secret, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder for the credentials of NATS: %w", err)
	}
	for i := range servers {
		// A server reads its configuration again only if its name and its cluster's are there too.
		text := fmt.Sprintf("server_name: nats-%d\ninclude %q\n", i, sharedConfig)
		if servers > 1 {
			text += "cluster {name: chaos}\n"
		}
		if err := replaceFile(s.config(i), text); err != nil {
			return nil, err
		}
	}
	if err := s.Rotate(); err != nil {
		return nil, err
	}
	return s, s.Publish()
}

// Rotate writes the servers' configuration with another password, which they read when they start
// or are told to.
func (s *NATSServers) Rotate() error {
	s.rotations++
	s.password = "password-" + strconv.Itoa(s.rotations)
	return replaceFile(filepath.Join(s.dir, sharedConfig), fmt.Sprintf("authorization {user: %s, password: %q}\njetstream {max_file_store: %s}\n",
		natsUser, s.password, diskLimit))
}

// Publish writes the servers' password where gateways read it.
func (s *NATSServers) Publish() error {
	if err := replaceFile(filepath.Join(s.secret, "username"), natsUser); err != nil {
		return err
	}
	return replaceFile(filepath.Join(s.secret, "password"), s.password)
}

// replaceFile writes a file so that nobody reads half of it.
func replaceFile(name, text string) error {
	if err := os.WriteFile(name+".new", []byte(text), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(name+".new", name)
}

func (s *NATSServers) config(i int) string {
	return filepath.Join(s.dir, fmt.Sprintf("nats-%d.conf", i))
}

// StoreDir is the folder in which the ith server stores its streams.
func (s *NATSServers) StoreDir(i int) string {
	return filepath.Join(s.dir, "jetstream-"+strconv.Itoa(i))
}

// command is one of several servers, which tell nobody of each other: gateways have a wire to each,
// that can be cut.
func (s *NATSServers) command(i int, ports []brokerPorts) command {
	name := fmt.Sprintf("nats-%d", i)
	c := command{
		name: name,
		path: s.program,
		args: []string{
			"--config", s.config(i), "--addr", "127.0.0.1", "--port", strconv.Itoa(ports[i].clients),
			"--jetstream", "--store_dir", s.StoreDir(i),
		},
		ready: local(ports[i].clients),
	}
	if len(ports) == 1 {
		return c
	}
	routes := make([]string, len(ports))
	for i, p := range ports {
		routes[i] = "nats-route://" + local(p.routes)
	}
	c.args = append(c.args, "--cluster", "nats://"+local(ports[i].routes),
		"--routes", strings.Join(routes, ","), "--no_advertise")
	return c
}

// JetStream connects to the servers of the broker. The caller closes the connection.
func (c *Cluster) JetStream() (jetstream.JetStream, *nats.Conn, error) {
	urls := make([]string, len(c.brokerPorts))
	for i, p := range c.brokerPorts {
		urls[i] = "nats://" + local(p.clients)
	}
	nc, err := nats.Connect(strings.Join(urls, ","), nats.UserInfo(natsUser, c.Stack.NATS.password))
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("use JetStream: %w", err)
	}
	return js, nc, nil
}

// ReloadBrokers has all servers read their configuration, and waits until each takes the password
// in it.
func (c *Cluster) ReloadBrokers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reloadTimeout)
	defer cancel()
	for i, b := range c.Brokers {
		if err := b.signal(syscall.SIGHUP); err != nil {
			return err
		}
		if err := c.takesPassword(ctx, i); err != nil {
			return fmt.Errorf("wait until %s takes its new password: %w", b.Name, err)
		}
	}
	return nil
}

func (c *Cluster) takesPassword(ctx context.Context, i int) error {
	for {
		nc, err := nats.Connect("nats://"+local(c.brokerPorts[i].clients), nats.UserInfo(natsUser, c.Stack.NATS.password))
		if err == nil {
			nc.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(readyInterval):
		}
	}
}

// StopBrokers ends all servers of the broker.
func (c *Cluster) StopBrokers() error {
	for _, b := range c.Brokers {
		if err := b.Stop(c.Stack.Grace); err != nil {
			return err
		}
	}
	return nil
}

// StartBrokers starts those that have ended, at once: each is ready when it takes connections.
func (c *Cluster) StartBrokers(ctx context.Context, indices ...int) error {
	for _, i := range indices {
		if err := c.RestartBroker(ctx, i); err != nil {
			return err
		}
	}
	return nil
}
