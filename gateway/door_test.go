// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"strings"
	"testing"
)

func TestADoorThatNobodyWouldFindIsRefused(t *testing.T) {
	for address, want := range map[string]string{"": "--peer-address", "gateway-1": "--peer-address", "10.0.0.1": "read a gateway's identity"} {
		d, err := openDoor(&RunOptions{PeerDir: t.TempDir(), PeerListen: "127.0.0.1:0", PeerAddress: address})
		if err == nil || d != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", address, err, want)
		}
	}
	if d, err := openDoor(&RunOptions{}); d != nil || err != nil || d.Close() != nil {
		t.Errorf("without a folder there is %v, %v", d, err)
	}
}
