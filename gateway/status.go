// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"sync"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
)

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
func (g *Gateway) Status() gatewaystatus.Status {
	revision, problem := g.status.get()
	return gatewaystatus.Status{
		Connections: int64(g.io.Connections()),
		ConfigHash:  revision,
		ConfigError: problem,
		Draining:    g.draining.Load(),
		NATS:        g.cluster.Status(),
		NATSError:   g.cluster.Problem(),
		LogReady:    g.cluster.LogReady(),
	}
}
