// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestChooseTakesNamesAndHowTheyBegin(t *testing.T) {
	got, err := Choose("none,gateway frozen,broker k,gateway frozen for 25 s")
	want := []string{"none", "gateway frozen for 25 s and killed", "gateway frozen for 25 s", "broker killed", "gateway frozen for 25 s"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, faults (-want +got):\n%s", err, diff)
	}
	if _, err := Choose("none,nonsense"); err == nil {
		t.Error("a fault that there is not is taken")
	}
	if all, err := Choose(""); err != nil || len(all) != len(faults) {
		t.Errorf("%v, %d of %d faults begin with nothing", err, len(all), len(faults))
	}
}
