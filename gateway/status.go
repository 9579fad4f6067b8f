// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"sync"
)

// Status is what a gateway tells the operator about itself, at /status of its ops port.
type Status struct {
	// Connections is the number of clients.
	Connections int `json:"connections"`
	// ConfigHash is the Revision of the configuration in force.
	ConfigHash string `json:"configHash"`
	// ConfigError says why the newest configuration is not in force; empty if it is.
	ConfigError string `json:"configError"`
	// Draining is true once the gateway has been told to leave.
	Draining bool `json:"draining"`
	// NATS is the state of the connection: connected, reconnecting and so on.
	NATS string `json:"nats"`
}

// Revision names a configuration by its bytes: the first 16 hex digits of their SHA-256.
func Revision(config []byte) string {
	sum := sha256.Sum256(config)
	return hex.EncodeToString(sum[:8])
}

// configStatus is which configuration is in force, and what is wrong with the newest. Safe for concurrent use.
type configStatus struct {
	mu       sync.Mutex
	revision string
	err      error
}

func (c *configStatus) set(revision string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision, c.err = revision, err
}

func (c *configStatus) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

func (c *configStatus) get() (revision string, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		problem = c.err.Error()
	}
	return c.revision, problem
}

// Status tells how the gateway is.
func (g *Gateway) Status() Status {
	revision, problem := g.status.get()
	return Status{
		Connections: g.io.Connections(),
		ConfigHash:  revision,
		ConfigError: problem,
		Draining:    g.draining.Load(),
		NATS:        g.cluster.Status(),
	}
}
