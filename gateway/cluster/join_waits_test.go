// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
)

func TestAJoinWaitsForWhatIsNotInForce(t *testing.T) {
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	plain, kept := newGateway(t, Options{URLs: []string{ns.ClientURL()}}), recovering(t, ns)
	_, socket := plain.Client(t, "known")
	if !socket.JoinWaits("known", "new") {
		t.Error("a subscription is not waited for")
	}
	if socket.JoinWaits("known") {
		t.Error("what is in force is waited for")
	}
	if !arrive(t, kept, "known").Socket.JoinWaits("known") {
		t.Error("a session that is stored is not waited for")
	}
}
