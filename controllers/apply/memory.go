// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// memory saves requests to the API server. Losing it costs some requests and nothing else. The zero
// value is ready for use. Safe for concurrent use.
type memory struct {
	mu sync.Mutex
	// services has the objects that were applied last, by kind and name. Only the goroutine that
	// reconciles a service uses the inner map.
	services map[types.NamespacedName]map[string]application // guarded by mu
}

// application is an object as it was after the last apply.
type application struct {
	// wanted is a hash of what was applied.
	wanted [32]byte
	// version and generation are those of the object after that.
	version    string
	generation int64
	// contest is with others that write what is ours.
	contest contest
}

func (m *memory) of(svc *v1alpha1.RealtimeService) map[string]application {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.services == nil {
		m.services = map[types.NamespacedName]map[string]application{}
	}
	key := client.ObjectKeyFromObject(svc)
	if m.services[key] == nil {
		m.services[key] = map[string]application{}
	}
	return m.services[key]
}

// Forget forgets a service that no longer exists.
func (a *Applier) Forget(service types.NamespacedName) {
	a.memory.mu.Lock()
	defer a.memory.mu.Unlock()
	delete(a.memory.services, service)
}

// Generation returns the generation of an object after it was last applied; 0 if it has not been.
func (a *Applier) Generation(svc *v1alpha1.RealtimeService, kind, name string) int64 {
	return a.memory.of(svc)[kind+" "+name].generation
}
