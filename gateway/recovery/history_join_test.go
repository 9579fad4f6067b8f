// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/recovery"
)

// joining is a socket that is about to join a room with a history, of which this gateway has
// nothing yet.
func joining(t *testing.T) (one, two *gateway, p *person, sent *recovery.SentHistory) {
	t.Helper()
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two = historian(t, ns), historian(t, ns)
	p = arrive(t, one)
	sent, err := namespaceIn(one).JoinHeld(p.Socket, "kept")
	if err != nil {
		t.Fatal(err)
	}
	return one, two, p, sent
}

// finish reads the history and sends it.
func finish(t *testing.T, sent *recovery.SentHistory) {
	t.Helper()
	known, err := sent.Read([]string{"kept"})
	if err != nil {
		t.Fatal(err)
	}
	sent.Finish(known)
}

// What the log has already, and dispatch has yet to take, is not sent twice.
func TestAnEventThatIsStoredWhileTheHistoryIsReadIsSentOnce(t *testing.T) {
	one, two, p, sent := joining(t)
	entered, busy := make(chan struct{}), make(chan struct{})
	go one.Cluster.Log().InLoop(func() { close(entered); <-busy })
	<-entered
	emit(t, two.IO.To("kept"), "n", 1)
	two.Stored(t)
	finish(t, sent)
	close(busy)
	emit(t, two.IO.To("kept"), "n", 2)
	expectRevised(p, `["n",1]`, `["n",2]`)
}

// The history has room for three events.
func TestWhatComesInWhileTheHistoryIsReadIsSentInOrder(t *testing.T) {
	one, two, p, sent := joining(t)
	witness := arrive(t, one, "kept")
	for i := range 5 {
		emit(t, two.IO.To("kept"), "n", i)
	}
	want := []string{`["n",0]`, `["n",1]`, `["n",2]`, `["n",3]`, `["n",4]`}
	expectRevised(witness, want...)
	finish(t, sent)
	expectRevised(p, want...)
	// Nothing is kept longer than for that.
	emit(t, two.IO.To("kept"), "n", 5)
	expectRevised(p, `["n",5]`)
	if got := past(t, one, "kept"); len(got) != 3 {
		t.Errorf("the history is %v", got)
	}
}
