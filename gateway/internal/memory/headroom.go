// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// mostHeadroom is the garbage, in bytes, that accumulates before a collection if no limit
	// requires less.
	mostHeadroom = 32 << 20
	// defaultPercent is GOGC's default: a collection begins when the heap has grown by that
	// percentage of what is in use.
	defaultPercent = 100
	// mostPercent prevents a percentage for a nearly empty heap that a sudden load would exceed by
	// far.
	mostPercent = 1000
)

// KeepHeadroom lets some garbage accumulate before it is collected, however little is in use: 32
// MiB, or a quarter of the memory limit if that is less. By default Go collects when the heap has
// doubled. The heap of a gateway with a few hundred busy clients is so small that this happens many
// times a second, and each time other clients wait a little. When more than the headroom is in use,
// the default applies. GOGC in the environment takes precedence.
//
// It returns at once, and holds as long as the process runs. Call it once, after [Limit].
func KeepHeadroom() {
	if os.Getenv("GOGC") != "" {
		return
	}
	h := &headroom{bytes: headroomFor(debug.SetMemoryLimit(-1)), percent: defaultPercent}
	h.adjust()
	afterEachCollection(func() bool { h.adjust(); return true })
}

func headroomFor(limit int64) uint64 { return uint64(min(mostHeadroom, limit/4)) }

// headroom is the state of KeepHeadroom. Not safe for concurrent use.
type headroom struct {
	bytes   uint64
	percent int // the one that is set
}

// adjust sets the percentage for what is in use now. Setting it stops the program for some
// microseconds, so small differences are ignored.
func (h *headroom) adjust() {
	percent := percentFor(inUse(), h.bytes)
	if d := percent - h.percent; d*10 < h.percent && -d*10 < h.percent {
		return
	}
	debug.SetGCPercent(percent)
	h.percent = percent
}

// percentFor returns the percentage by which that much garbage accumulates in addition to what is
// in use; both in bytes.
func percentFor(used, headroom uint64) int {
	percent := mostPercent
	if used > 0 && headroom < used*mostPercent/100 {
		percent = int(headroom * 100 / used)
	}
	return max(percent, defaultPercent)
}

// inUse returns the bytes to which the collector applies the percentage: what the last collection
// has left of the heap, and what it starts from (runtime, "GC guide").
func inUse() (sum uint64) {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"},
	}
	metrics.Read(samples)
	for _, s := range samples {
		sum += s.Value.Uint64()
	}
	return sum
}

// afterEachCollection calls f, in the runtime's own goroutine for cleanups, some time after each
// collection, until it returns false.
func afterEachCollection(f func() (again bool)) {
	var arm func()
	arm = func() {
		// The next collection finds the sentinel, since nothing refers to it. It must not be a tiny
		// object, since these share their memory.
		runtime.AddCleanup(&sentinel{}, func(struct{}) {
			if f() {
				arm()
			}
		}, struct{}{})
	}
	arm()
}

// sentinel has a pointer, so that it has memory of its own.
type sentinel struct{ _ *byte }
