// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"sync/atomic"
	"testing"
)

// Handlers may start something while the gateway ends. The race detector reports that of a
// sync.WaitGroup.
func TestTasksMayBeginWhileOthersAreWaitedFor(t *testing.T) {
	var all tasks
	var ended atomic.Int64
	begun := make(chan struct{})
	go func() {
		defer close(begun)
		for range 100 {
			all.Go(func() { ended.Add(1) })
		}
	}()
	for range 100 {
		all.Wait()
	}
	<-begun
	all.Wait()
	if n := ended.Load(); n != 100 {
		t.Errorf("%d have ended", n)
	}
}
