// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// mostHeadroom is the garbage, in bytes, that gathers before a collection where no limit says
	// otherwise.
	mostHeadroom = 32 << 20
	// defaultPercent is GOGC's default: a collection begins when the heap has grown by that much of
	// what is in use.
	defaultPercent = 100
	// mostPercent keeps a nearly empty heap from a percentage that a sudden load would outgrow far.
	mostPercent = 1000
)

// KeepHeadroom lets some garbage gather before it is collected, however little is in use: 32 MiB,
// or a quarter of the memory limit if that is less. By default Go collects when the heap has
// doubled. A gateway with a few hundred busy clients has so small a heap that this is many times a
// second, and each time other clients wait a little. Once as much is in use as the headroom, all is
// as by default. The environment's GOGC comes first.
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

// headroom is what KeepHeadroom keeps. It is not safe for concurrent use.
type headroom struct {
	bytes   uint64
	percent int // that is set
}

// adjust sets the percentage for what is in use now. Setting it stops the program for some
// microseconds, so small differences are left alone.
func (h *headroom) adjust() {
	percent := percentFor(inUse(), h.bytes)
	if d := percent - h.percent; d*10 < h.percent && -d*10 < h.percent {
		return
	}
	debug.SetGCPercent(percent)
	h.percent = percent
}

// percentFor is the percentage by which so much garbage gathers beside what is in use; both in
// bytes.
func percentFor(used, headroom uint64) int {
	percent := mostPercent
	if used > 0 && headroom < used*mostPercent/100 {
		percent = int(headroom * 100 / used)
	}
	return max(percent, defaultPercent)
}

// inUse is the bytes to which the collector applies the percentage: what the last collection has
// left of the heap, and what it begins at (runtime, "GC guide").
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
		// What nothing refers to is found by the next collection. It must be no tiny object: those
		// share their memory.
		runtime.AddCleanup(&sentinel{}, func(struct{}) {
			if f() {
				arm()
			}
		}, struct{}{})
	}
	arm()
}

// sentinel has a pointer in it, so that it has memory of its own.
type sentinel struct{ _ *byte }
