// SPDX-License-Identifier: Apache-2.0

package cluster

import "testing"

// joining is a socket that is about to join a room with a history, of which this gateway has nothing yet.
func joining(t *testing.T) (one, two *gateway, p *person, sent *historySent) {
	t.Helper()
	checkNothingIsLeft(t)
	ns := startJetStream(t)
	one, two = historian(t, ns), historian(t, ns)
	p = arrive(t, one)
	a := one.io.Of("/").Adapter().(keeper).adapter
	sent = a.holdForHistory(p.socket, []string{"kept"})
	a.enter(p.socket, []string{"kept"})
	if err := a.sessionOf(p.socket).saveRooms("kept"); err != nil {
		t.Fatal(err)
	}
	return one, two, p, sent
}

// finish reads the history and sends it.
func finish(t *testing.T, sent *historySent) {
	t.Helper()
	known, err := sent.read([]string{"kept"})
	if err != nil {
		t.Fatal(err)
	}
	sent.release(sent.past(known))
	sent.joined()
}

// What the log has already, and dispatch has yet to take, is not sent twice.
func TestAnEventThatIsStoredWhileTheHistoryIsReadIsSentOnce(t *testing.T) {
	one, two, p, sent := joining(t)
	busy := make(chan struct{})
	one.cluster.events.control <- func() { <-busy }
	emit(t, two.io.To("kept"), "n", 1)
	two.stored(t)
	finish(t, sent)
	close(busy)
	emit(t, two.io.To("kept"), "n", 2)
	p.expectRevised(`["n",1]`, `["n",2]`)
}

// The history has room for three events.
func TestWhatComesInWhileTheHistoryIsReadIsSentInOrder(t *testing.T) {
	one, two, p, sent := joining(t)
	witness := arrive(t, one, "kept")
	for i := range 5 {
		emit(t, two.io.To("kept"), "n", i)
	}
	want := []string{`["n",0]`, `["n",1]`, `["n",2]`, `["n",3]`, `["n",4]`}
	witness.expectRevised(want...)
	finish(t, sent)
	p.expectRevised(want...)
	// Nothing is kept longer than for that.
	emit(t, two.io.To("kept"), "n", 5)
	p.expectRevised(`["n",5]`)
	if got := past(t, one, "kept"); len(got) != 3 {
		t.Errorf("the history is %v", got)
	}
}
