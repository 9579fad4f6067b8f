// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"log/slog"
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestTheGarbageCollectorKeepsToTheLimitOfTheContainer(t *testing.T) {
	const v1, v2 = "memory/memory.limit_in_bytes", "memory.max"
	for _, test := range []struct {
		name, environment string
		files             map[string]string
		want              int64
	}{
		{"cgroup v2", "", map[string]string{v2: "134217728\n"}, 120795930},
		{"cgroup v1", "", map[string]string{v1: "134217728\n"}, 120795930},
		{"cgroup v2 without a limit", "", map[string]string{v2: "max\n"}, math.MaxInt64},
		{"cgroup v1 without a limit", "", map[string]string{v1: "9223372036854771712\n"}, math.MaxInt64},
		{"no cgroup", "", nil, math.MaxInt64},
		{"not a number", "", map[string]string{v2: "?"}, math.MaxInt64},
		{"the environment sets one", "1GiB", map[string]string{v2: "134217728\n"}, math.MaxInt64},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := debug.SetMemoryLimit(math.MaxInt64)
			t.Cleanup(func() { debug.SetMemoryLimit(before) })
			t.Setenv("GOMEMLIMIT", test.environment)
			root := fstest.MapFS{}
			for name, text := range test.files {
				root[name] = &fstest.MapFile{Data: []byte(text)}
			}
			Limit(root, slog.New(slog.DiscardHandler))
			if got := debug.SetMemoryLimit(-1); got != test.want {
				t.Errorf("the limit is %d, want %d", got, test.want)
			}
		})
	}
}

func TestAPartOfTheMemory(t *testing.T) {
	for limit, want := range map[int64]int{
		128 << 20 / 100 * 90: 15_099_491, // of a container of 128 MiB
		math.MaxInt64:        0,
	} {
		if got := part(limit); got != want {
			t.Errorf("a part of %d bytes is %d, want %d", limit, got, want)
		}
	}
}
