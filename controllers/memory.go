// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memory spares the API server what it has heard already. Losing it costs some requests and nothing
// else. Its zero value is ready; safe for concurrent use.
type memory struct {
	mu       sync.Mutex
	services map[types.NamespacedName]*recollection // guarded by mu
}

// recollection is what is remembered of one service. Only the one that reconciles the service
// touches it.
type recollection struct {
	// applied is what was last applied, by kind and name.
	applied map[string]application
	// natsWait is that of the gateways for NATS.
	natsWait natsWait
	// natsRemoved is true when nothing is left of the operator's own NATS.
	natsRemoved bool
	// pushing is the revision that gateways are being brought to, and since when; empty once it is
	// in force.
	pushing      string
	pushingSince time.Time
	// gateways are the last answers of gateway pods.
	gateways map[types.UID]answer
	// pushes are the last ones to gateway pods.
	pushes map[pushKey]push
	// told is the last trouble that an event has told of.
	told string
}

// application is an object as it was when it had last been applied.
type application struct {
	// wanted is a hash of what was applied.
	wanted [32]byte
	// version and generation are the object's after that.
	version    string
	generation int64
}

// pushKey is a gateway's pod, and what was pushed to it, by its path.
type pushKey struct {
	pod  types.UID
	path string
}

// push is when something was pushed, and what came of it.
type push struct {
	// revision is that of what was pushed.
	revision string
	at       time.Time
	// err says why the gateway has not taken it, nil if it has answered, though it may have refused
	// it.
	err error
}

// due is true if nothing of a revision has been pushed yet, or not for some time.
func (p push) due(revision string, now time.Time, pace time.Duration) bool {
	return p.revision != revision || now.Sub(p.at) >= pace
}

// forgetPushes forgets those to pods that are no more.
func (r *recollection) forgetPushes(there []gateway) {
	maps.DeleteFunc(r.pushes, func(key pushKey, _ push) bool {
		return !slices.ContainsFunc(there, func(g gateway) bool { return g.pod.UID == key.pod })
	})
}

func (m *memory) of(service types.NamespacedName) *recollection {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.services == nil {
		m.services = map[types.NamespacedName]*recollection{}
	}
	if m.services[service] == nil {
		m.services[service] = &recollection{applied: map[string]application{}, gateways: map[types.UID]answer{}}
	}
	return m.services[service]
}

func (m *memory) forget(service types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.services, service)
}
