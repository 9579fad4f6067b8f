// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestTheHeadroomIsKeptBesideLittleInUse(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		used, headroom uint64
		want           int
	}{
		{0, 32 * mib, 1000},
		{mib, 32 * mib, 1000},
		{4 * mib, 32 * mib, 800},
		{16 * mib, 32 * mib, 200},
		{32 * mib, 32 * mib, 100},
		{1000 * mib, 32 * mib, 100},
		{16 * mib, 4 * mib, 100},
	} {
		if got := percentFor(test.used, test.headroom); got != test.want {
			t.Errorf("%d MiB beside %d MiB are %d%%, want %d%%", test.headroom/mib, test.used/mib, got, test.want)
		}
	}
}

func TestTheHeadroomFitsIntoTheLimit(t *testing.T) {
	for limit, want := range map[int64]uint64{
		math.MaxInt64: 32 << 20, 1 << 30: 32 << 20, 128 << 20: 32 << 20, 64 << 20: 16 << 20,
	} {
		if got := headroomFor(limit); got != want {
			t.Errorf("with a limit of %d bytes it is %d, want %d", limit, got, want)
		}
	}
}

func TestTheHeadroomIsSetForWhatIsInUse(t *testing.T) {
	before := debug.SetGCPercent(defaultPercent)
	t.Cleanup(func() { debug.SetGCPercent(before) })
	h := &headroom{bytes: 4 * inUse(), percent: defaultPercent}
	h.adjust()
	set := debug.SetGCPercent(defaultPercent)
	if set != h.percent || set < 300 {
		t.Errorf("%d%% are set, want at least 300", set)
	}
}

func TestCollectionsAreToldOfAgainAndAgain(t *testing.T) {
	done := make(chan struct{})
	times := 0
	afterEachCollection(func() bool {
		times++
		if times == 3 {
			close(done)
		}
		return times < 3
	})
	for {
		select {
		case <-done:
			return
		default:
			runtime.GC()
		}
	}
}
