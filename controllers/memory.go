// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// memory spares the API server what it has heard already. Losing it costs some requests and nothing else. Its zero
// value is ready; safe for concurrent use.
type memory struct {
	mu       sync.Mutex
	services map[types.NamespacedName]*recollection // guarded by mu
}

// recollection is what is remembered of one service. Only the one that reconciles the service touches it.
type recollection struct {
	// applied is what was last applied, by kind and name.
	applied map[string]application
	// natsWait is that of the gateways for NATS.
	natsWait natsWait
	// natsRemoved is true when nothing is left of the operator's own NATS.
	natsRemoved bool
	// pushing is the revision that gateways are being brought to, and since when; empty once it is in force.
	pushing      string
	pushingSince time.Time
	// gateways are the last answers of gateway pods.
	gateways map[types.UID]answer
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
