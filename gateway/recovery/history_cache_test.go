// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// past is the history of a room, as a client may ask for it.
func past(t *testing.T, g *gateway, room string) []string {
	t.Helper()
	page, err := namespaceIn(g).History(t.Context(), room, 0, 10, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range page {
		all = append(all, fmt.Sprintf("%d %.10s", e.Revision, e.Args.JSON))
	}
	return all
}

func TestHistoriesOfAllRoomsAreBoundedAndReadAgain(t *testing.T) {
	checkNothingIsLeft(t)
	const rooms, bytes, limit = 10, 20_000, 150_000 // three rooms fit
	ns := startJetStream(t)
	one, two := historianWith(t, ns, limit), historian(t, ns)
	cache := one.Cluster.Sessions().Histories()
	var names []string
	for i := range rooms {
		names = append(names, fmt.Sprintf("kept-%d", i))
	}
	member := arrive(t, one, names...)
	padding := strings.Repeat("x", bytes)
	for i := range 5 {
		for _, room := range names {
			emit(t, two.IO.To(room), "n", i, padding)
		}
	}
	two.Stored(t)
	for range 5 * rooms { // the other gateway may hear of them later
		member.Take(member.Wire.Receive())
	}
	for range 2 {
		for _, room := range names {
			if got, want := past(t, one, room), past(t, two, room); !cmp.Equal(got, want) || len(got) != 3 {
				t.Errorf("the history of %s is %v, want %v", room, got, want)
			}
			if n := cache.Size(); n > limit {
				t.Errorf("the histories take %d bytes, and may take %d", n, limit)
			}
		}
	}
	if n := cache.Size(); n < limit/2 {
		t.Errorf("the histories take %d bytes, though there is room for %d", n, limit)
	}
	last := names[rooms-1]
	for i := range 20 { // a room that is kept stays up to date, and within the bound
		emit(t, two.IO.To(last), "n", "live", i, padding)
	}
	two.Stored(t)
	await(t, "the last event", func() bool { return cmp.Equal(past(t, one, last), past(t, two, last)) })
	if n := cache.Size(); n > limit {
		t.Errorf("the histories take %d bytes, and may take %d", n, limit)
	}
}

func TestARoomThatIsForgottenTakesNothing(t *testing.T) {
	checkNothingIsLeft(t)
	one := historian(t, startJetStream(t))
	p := arrive(t, one, "kept")
	emit(t, one.IO.To("kept"), "n", 1)
	p.Wire.Receive()
	one.Stored(t)
	past(t, one, "kept")
	cache := one.Cluster.Sessions().Histories()
	if cache.Size() == 0 {
		t.Error("the history takes nothing")
	}
	p.Socket.Leave("kept")
	await(t, "the room is forgotten", func() bool { return cache.Size() == 0 })
}

// Clients join rooms while events come in and the cache has room for one of them. Each gets what
// was there, and all that follows, once and in order.
func TestWhoJoinsWhileHistoriesAreEvictedMissesNothing(t *testing.T) {
	checkNothingIsLeft(t)
	const rooms, joiners, events = 4, 40, 60
	ns := startJetStream(t)
	one, two := historianWith(t, ns, 2000), historian(t, ns)
	name := func(i int) string { return fmt.Sprintf("kept-%d", i%rooms) }
	arrive(t, one, name(0), name(1), name(2), name(3))
	padding := strings.Repeat("x", 300)
	var sending sync.WaitGroup
	for room := range rooms {
		sending.Go(func() {
			for n := range events {
				if err := two.IO.To(name(room)).Emit("n", n, padding); err != nil {
					t.Error(err)
				}
				if n%5 == 4 { // so that there is something to be joined in between
					stored := make(chan struct{})
					two.Cluster.Log().AfterAll(func(error) { close(stored) })
					<-stored
				}
			}
		})
	}
	var receiving sync.WaitGroup
	for i := range joiners {
		p := arrive(t, one)
		receiving.Go(func() {
			p.Socket.Join(name(i))
			for next := -1; next < events; {
				n, err := numberOf(p.Wire.Receive())
				switch {
				case err != nil:
					t.Error(err)
					return
				case next >= 0 && n != next:
					t.Errorf("client %d receives %d, want %d", i, n, next)
					return
				}
				next = n + 1
			}
		})
	}
	sending.Wait()
	receiving.Wait()
	for i := range rooms {
		if got, want := past(t, one, name(i)), past(t, two, name(i)); !cmp.Equal(got, want) || len(got) != 3 {
			t.Errorf("the history of %s is %v, want %v", name(i), got, want)
		}
	}
}

// numberOf is that of an event.
func numberOf(packet string) (int, error) {
	var args []json.RawMessage
	if err := json.Unmarshal([]byte(strings.TrimPrefix(packet, "42")), &args); err != nil {
		return 0, fmt.Errorf("%.60s: %w", packet, err)
	}
	var n int
	if err := json.Unmarshal(args[1], &n); err != nil {
		return 0, fmt.Errorf("%.60s: %w", packet, err)
	}
	return n, nil
}
