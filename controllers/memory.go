// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/exposure"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
	"github.com/realtime-operator/realtime-operator/controllers/updates"
)

// memory saves requests to the API server and to gateways. Losing it costs some requests and
// nothing else. The zero value is ready for use. Safe for concurrent use.
type memory struct {
	mu       sync.Mutex
	services map[types.NamespacedName]*recollection // guarded by mu
	// classes are the IngressClasses that were read last, which services share. Guarded by mu.
	classes map[string]readClass
}

// classLasts is how long an IngressClass is not read again. It is less than steadyInterval, so that
// a service notices at its next reconciliation that a class was made.
const classLasts = steadyInterval / 2

// readClass is what is known of an IngressClass, and since when.
type readClass struct {
	class exposure.Class
	at    time.Time
}

// class returns what was read of an IngressClass; false if that is too long ago.
func (m *memory) class(name string, now time.Time) (exposure.Class, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	read, ok := m.classes[name]
	return read.class, ok && now.Sub(read.at) < classLasts
}

func (m *memory) keepClass(class exposure.Class, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.classes, func(_ string, read readClass) bool { return now.Sub(read.at) >= classLasts })
	if m.classes == nil {
		m.classes = map[string]readClass{}
	}
	m.classes[class.Name] = readClass{class, now}
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
	// secrets is what the service's own Secrets were like.
	secrets ownSecrets
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

// secretsLast is how long the Secrets of a service are not read again, at most, to which nothing
// happens: they are neither cached nor watched. Those of many services, which one operator has
// begun to look after at the same time, are read one after another.
const secretsLast = 5 * time.Minute

// untilRead is when they are read again: between half of secretsLast and that.
func untilRead(now time.Time) time.Time { return now.Add(wait.Jitter(secretsLast/2, 1)) }

// ownSecrets is what is known of a service's own Secrets without reading them. The zero value knows
// nothing.
type ownSecrets struct {
	// generation is that of the service when they were read, and until how long that holds.
	generation int64
	until      time.Time
	// nats identifies the service's own NATS.
	nats resources.NATSIdentity
}

// known reports whether the Secrets need not be read.
func (s *ownSecrets) known(svc *v1alpha1.RealtimeService, now time.Time) bool {
	return s.generation == svc.Generation && now.Before(s.until)
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
