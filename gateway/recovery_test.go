// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"math"
	"testing"
)

func TestHistoriesTakeAPartOfTheMemory(t *testing.T) {
	for limit, want := range map[int64]int{
		128 << 20 / 100 * 90: 15_099_491, // a container of 128 MiB
		math.MaxInt64:        0,
	} {
		if got := historyBytes(limit); got != want {
			t.Errorf("of %d bytes, histories may take %d, want %d", limit, got, want)
		}
	}
}
