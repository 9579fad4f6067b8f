// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"testing"
	"time"
)

func TestExpiryIsThatOfTheFirstLeaf(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	data, err := RenewPeers(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := Expiry(data); !ok || !got.Equal(now.Add(leafLife)) {
		t.Errorf("the certificates expire at %v, %v, want %v", got, ok, now.Add(leafLife))
	}
	if got, ok := Expiry(nil); ok {
		t.Errorf("no certificate expires at %v", got)
	}
}
