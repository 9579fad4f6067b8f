// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/status"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

// memory saves requests to the API server and to gateways. Losing it costs some requests and
// nothing else. The zero value is ready for use. Safe for concurrent use.
type memory struct {
	mu       sync.Mutex
	services map[types.NamespacedName]*recollection // guarded by mu
}

// maxWorkloads is how many kinds of pods a service has: gateways and NATS.
const maxWorkloads = 2

// recollection is the memory of one service. Only the goroutine that reconciles the service uses
// it.
type recollection struct {
	// natsWait is the wait of the gateways for NATS.
	natsWait natsWait
	// natsRemoved reports whether nothing is left of the operator's own NATS.
	natsRemoved bool
	// routesRemoved has the kinds of routes of Gateway API of which none is left.
	routesRemoved map[string]bool
	// pushing is the revision that is being pushed to gateways, and since when; empty once it is in
	// force.
	pushing      string
	pushingSince time.Time
	// gateways has the last answers of gateway pods.
	gateways map[types.UID]answer
	// pushes has the last pushes to gateway pods.
	pushes map[pushKey]push
	// scaling is the state of the number of gateways.
	scaling scaling
	// resolved is what came of following the references of the manifest.
	resolved resolution
	// deployment is a hash of the gateways' Deployment that was applied last, and rolledOut of that
	// which was rolled out last.
	deployment, rolledOut [32]byte
	// yielded is the installation to which the service was last left, and for which there was an
	// event.
	yielded v1alpha1.OperatorClaim
	// records has the records of pods that were read last, by their annotations: reading one takes
	// a millisecond. They are not changed.
	records map[string]*updates.Record
}

// pushKey is a gateway's pod, and what was pushed to it, by its path.
type pushKey struct {
	pod  types.UID
	path string
}

// push is when something was pushed, and the outcome.
type push struct {
	// revision is the revision of what was pushed.
	revision string
	at       time.Time
	// err is why the gateway has not received it; nil if it has answered, even if it has refused
	// it.
	err error
}

// due reports whether this revision has not been pushed yet, or not for some time.
func (p push) due(revision string, now time.Time, pace time.Duration) bool {
	return p.revision != revision || now.Sub(p.at) >= pace
}

// record reads the annotation of pods.
func (r *recollection) record(text string) (*updates.Record, error) {
	if record, known := r.records[text]; known {
		return record, nil
	}
	record, err := updates.Decode(text)
	if err != nil {
		return nil, err
	}
	if r.records == nil || len(r.records) >= 2*maxWorkloads { // of before, and of now
		r.records = map[string]*updates.Record{}
	}
	r.records[text] = record
	return record, nil
}

// forgetPushes removes pushes to pods that no longer exist.
func (r *recollection) forgetPushes(there []status.Gateway) {
	maps.DeleteFunc(r.pushes, func(key pushKey, _ push) bool {
		return !slices.ContainsFunc(there, func(g status.Gateway) bool { return g.Pod.UID == key.pod })
	})
}

func (m *memory) of(service types.NamespacedName) *recollection {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.services == nil {
		m.services = map[types.NamespacedName]*recollection{}
	}
	if m.services[service] == nil {
		m.services[service] = &recollection{gateways: map[types.UID]answer{}, routesRemoved: map[string]bool{}}
	}
	return m.services[service]
}

func (m *memory) forget(service types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.services, service)
}
