// SPDX-License-Identifier: Apache-2.0

package platform

import "testing"

// Auto is tested with an API server, in package controllers.
func TestUserIDsThatAreSetNeedNoCluster(t *testing.T) {
	for ids, want := range map[UserIDs]bool{UserIDsAlways: true, UserIDsNever: false} {
		if got, err := ids.Assigned(nil); err != nil || got != want || ids.Validate() != nil {
			t.Errorf("%s: %v, %v", ids, got, err)
		}
	}
	for _, ids := range []UserIDs{"", "always"} {
		if ids.Validate() == nil {
			t.Errorf("%q is accepted", ids)
		}
	}
}
