// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// closeCounter counts the adapters that are there.
type closeCounter struct {
	*socketio.Rooms
	there *atomic.Int32
}

func (c closeCounter) Close() error {
	c.there.Add(-1)
	return c.Rooms.Close()
}

func TestWithinADynamicNamespaceLeavesNothing(t *testing.T) {
	var there atomic.Int32
	io, err := socketio.NewServer(socketio.Options{
		CleanupEmptyChildNamespaces: true,
		NewAdapter: func(*socketio.Namespace) socketio.Adapter {
			there.Add(1)
			return closeCounter{socketio.NewRooms(), &there}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer io.Close()
	parent, err := io.OfPattern("/orders/(?P<id>[0-9]+)")
	if err != nil {
		t.Fatal(err)
	}
	io.Of("/fixed")

	var calls sync.WaitGroup
	for range 50 {
		calls.Go(func() {
			if !io.Within("/orders/7", func(ns *socketio.Namespace) {
				if ns.Name() != "/orders/7" || ns.Param("id") != "7" {
					t.Errorf("namespace %s, id %q", ns.Name(), ns.Param("id"))
				}
				if err := ns.Emit("hello"); err != nil {
					t.Error(err)
				}
			}) {
				t.Error("a name that matches has no namespace")
			}
		})
	}
	calls.Wait()

	if children := parent.Children(); len(children) > 0 {
		t.Errorf("%d namespaces are left", len(children))
	}
	if !io.Within("/fixed", func(*socketio.Namespace) {}) {
		t.Error("/fixed is not there")
	}
	if n := there.Load(); n != 1 { // that of /fixed
		t.Errorf("%d adapters are left, want 1", n)
	}
	if io.Within("/other", func(*socketio.Namespace) { t.Error("called") }) {
		t.Error("a name that matches nothing has a namespace")
	}
}
