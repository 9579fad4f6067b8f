// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"sync"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// configuration is the state of the configuration: which one is in force, and why a newer one is
// not. Safe for concurrent use.
//
// Configurations come from the mounted file and from the operator, and either may be late. The
// newest that can be used is in force, whatever the order in which they came, and the error is that
// of the newest one. Their sequence numbers determine which is newer (package gatewayconfig). One
// without a number, as in a file written by hand or by an earlier operator, is newer than what came
// before it and older than what comes after.
type configuration struct {
	mu       sync.Mutex
	sequence int64  // guarded by mu; 0: none
	revision string // guarded by mu
	// err is why the configuration with the number refused is not in force; nil if the newest one
	// is.
	err     error // guarded by mu
	refused int64 // guarded by mu
}

// replacedBy reports whether a configuration replaces the one in force. One with the same number
// and other content was edited by hand.
func (c *configuration) replacedBy(sequence int64, revision string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return sequence == 0 || c.sequence == 0 || sequence > c.sequence || sequence == c.sequence && revision != c.revision
}

// accept stores that a configuration is in force.
func (c *configuration) accept(sequence int64, revision string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence, c.revision = sequence, revision
	if sequence == 0 || sequence >= c.refused {
		c.err, c.refused = nil, 0
	}
}

// refuse stores why a configuration cannot be in force. It returns false if that was known.
func (c *configuration) refuse(sequence int64, err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sequence != 0 && sequence < c.refused {
		return false // a newer one is refused, too
	}
	known := c.err != nil && c.refused == sequence && c.err.Error() == err.Error()
	c.err, c.refused = err, sequence
	return !known
}

func (c *configuration) get() (revision, problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		problem = c.err.Error()
	}
	return c.revision, problem
}

// serviceName distinguishes the services of a cluster.
func serviceName(svc *v1alpha1.RealtimeService) string { return svc.Namespace + "/" + svc.Name }

// take puts a received configuration in force, unless it is older than the one in force, or cannot
// be used.
func (g *Gateway) take(data []byte, from string) {
	log, revision := g.log.With("from", from), gatewaystatus.Revision(data)
	svc, err := gatewayconfig.Parse(data)
	if err == nil && serviceName(svc) != g.service {
		err = fmt.Errorf("the configuration is that of service %q, and this gateway serves %q", serviceName(svc), g.service)
	}
	if err != nil {
		if g.config.refuse(0, err) {
			log.Error("the new configuration is refused, the old one stays in force", "error", err)
		}
		return
	}
	switch outcome, err := g.offer(svc, revision); outcome {
	case applied:
		log.Info("configuration is in force", "revision", revision)
	case refused:
		log.Error("the new configuration is refused, the old one stays in force", "error", err)
	case outdated:
		log.Info("a configuration has come late, a newer one stays in force", "revision", revision)
	}
}

// outcome is the outcome of a configuration.
type outcome int

const (
	applied outcome = iota
	refused
	// refusedAgain and alreadyApplied are no news.
	refusedAgain
	alreadyApplied
	outdated
)

// Apply puts a new configuration in force while connections stay: handlers at once, the settings of
// the wire for new connections. An invalid configuration is refused as a whole, and the old one
// stays; the same holds if the old one is newer.
func (g *Gateway) Apply(svc *v1alpha1.RealtimeService, revision string) error {
	_, err := g.offer(svc, revision)
	return err
}

// offer is Apply with the outcome. The error comes with refused and refusedAgain.
func (g *Gateway) offer(svc *v1alpha1.RealtimeService, revision string) (outcome, error) {
	g.applying.Lock()
	defer g.applying.Unlock()
	sequence := gatewayconfig.Sequence(svc.Annotations)
	if !g.config.replacedBy(sequence, revision) {
		if inForce, _ := g.config.get(); inForce == revision {
			return alreadyApplied, nil
		}
		return outdated, nil
	}
	if err := g.apply(svc); err != nil {
		if g.config.refuse(sequence, err) {
			return refused, err
		}
		return refusedAgain, err
	}
	g.config.accept(sequence, revision)
	return applied, nil
}
