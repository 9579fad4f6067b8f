// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"container/list"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/internal/peraddress"
)

// A client with tokens that the program takes long for, and any number of them.
func TestOneAddressDoesNotKeepTheProgramBusyForAllOthers(t *testing.T) {
	const concurrency, greedy = 4, 20
	asked, answer := make(chan struct{}, greedy), make(chan struct{})
	p := &program{}
	p.does(func(question string) string {
		if strings.Contains(question, "slow") {
			asked <- struct{}{}
			<-answer
		}
		return `{"user":"anna"}`
	})
	var r results
	w := overHTTP(t, Config{Timeout: time.Minute, Concurrency: concurrency, Answered: r.count}, p)
	from := func(address, token string) *identity.Request {
		request := withToken(token)
		request.Address = address
		return request
	}
	var group sync.WaitGroup
	for i := range greedy {
		group.Go(func() {
			// All of these are one address.
			if _, err := w.Authenticate(t.Context(), from(fmt.Sprintf("2001:db8::%x", i+1), fmt.Sprint("slow", i))); err != nil {
				t.Error(err)
			}
		})
	}
	for range concurrency * 3 / 4 {
		<-asked
	}
	for _, address := range []string{"203.0.113.1", "2001:db8:0:1::1", ""} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if _, err := w.Authenticate(ctx, from(address, "fast"+address)); err != nil {
			t.Errorf("a client of %q: %v", address, err)
		}
		cancel()
	}
	if n := len(asked); n != 0 {
		t.Errorf("%d more questions of the address are asked", n)
	}
	close(answer)
	group.Wait()
	if n := len(w.slots.addresses); n != 0 || w.slots.free != concurrency || w.slots.turns.Len() != 0 {
		t.Errorf("%d addresses are left, and %d slots are free", n, w.slots.free)
	}
}

// line has the questions that have a slot, by the letters of their addresses.
type line struct {
	slots   *slots
	waiting []waits
}

type waits struct {
	letter string
	turn   *list.Element
}

func keyOf(letter string) peraddress.Key {
	if letter == "-" {
		return peraddress.Key{}
	}
	return peraddress.KeyOf(fmt.Sprintf("192.0.2.%d", letter[0]))
}

// ask returns the letters of those who have a slot at once.
func (l *line) ask(letters string) (served string) {
	for _, letter := range strings.Split(letters, "") {
		if turn := l.slots.begin(keyOf(letter)); turn != nil {
			l.waiting = append(l.waiting, waits{letter, turn})
		} else {
			served += letter
		}
	}
	return served
}

// release gives a slot back, and returns the letters of those who have got one.
func (l *line) release(letter string) (served string) {
	l.slots.release(keyOf(letter))
	l.waiting = slices.DeleteFunc(l.waiting, func(w waits) bool {
		select {
		case <-w.turn.Value.(chan struct{}):
			served += w.letter
			return true
		default:
			return false
		}
	})
	return served
}

func (l *line) giveUp(letter string) {
	i := slices.IndexFunc(l.waiting, func(w waits) bool { return w.letter == letter })
	l.slots.giveUp(keyOf(letter), l.waiting[i].turn)
	l.waiting = slices.Delete(l.waiting, i, i+1)
}

func TestAddressesTakeTurns(t *testing.T) {
	l := &line{slots: newSlots(4, patience.New(time.Minute))}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q have a slot, want %q", what, got, want)
		}
	}
	expect("one address", l.ask("aaaaaa"), "aaa")
	expect("others", l.ask("bbbcd"), "b")
	// a has its share; b, c and d wait.
	expect("the first release", l.release("a"), "b")
	expect("the second", l.release("a"), "c")
	expect("the third", l.release("a"), "d") // before a, whose turn came later
	expect("the fourth", l.release("c"), "a")
	expect("the fifth", l.release("d"), "b")
	expect("nobody waits but a", l.release("b"), "a")
	expect("the last of a", l.release("b"), "a")
	expect("nobody waits", l.release("a"), "")
	for _, letter := range []string{"a", "a", "b"} {
		expect("nobody waits", l.release(letter), "")
	}
	if len(l.slots.addresses) != 0 || l.slots.free != 4 {
		t.Errorf("%+v", l.slots)
	}
}

func TestWhoGivesUpLeavesTheLine(t *testing.T) {
	l := &line{slots: newSlots(3, patience.New(time.Minute))}
	if got := l.ask("aabbc"); got != "aab" {
		t.Fatalf("%q have a slot", got)
	}
	l.giveUp("b")
	if got := l.release("a"); got != "c" {
		t.Errorf("%q is next", got)
	}
	// A slot that comes as the client gives up is the next one's.
	turn := l.slots.begin(keyOf("b"))
	l.ask("d")
	l.slots.release(keyOf("a"))
	l.slots.giveUp(keyOf("b"), turn)
	if got := l.release("c"); got != "d" { // has got it before that
		t.Errorf("%q is next", got)
	}
	l.release("b")
	if l.release("d"); len(l.slots.addresses) != 0 || l.slots.free != 3 || l.slots.turns.Len() != 0 {
		t.Errorf("%+v", l.slots)
	}
}

func TestTheShareOfAnAddress(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 1, 3: 2, 4: 3, 64: 48} {
		l := &line{slots: newSlots(n, patience.New(time.Minute))}
		if got := len(l.ask(strings.Repeat("a", 100))); got != want {
			t.Errorf("of %d slots an address has %d", n, got)
		}
		// Clients without an address, as on a Unix socket, have no share.
		l = &line{slots: newSlots(n, patience.New(time.Minute))}
		if got := len(l.ask(strings.Repeat("-", 100))); got != n {
			t.Errorf("of %d slots clients without an address have %d", n, got)
		}
	}
}
