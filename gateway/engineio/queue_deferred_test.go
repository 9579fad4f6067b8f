// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// counted is a backlog of messages of some bytes, and how many of them were made.
func counted(name string, n, bytes int) (next func() []*Message, made *int) {
	made = new(int)
	return func() []*Message {
		if *made == n {
			return nil
		}
		*made++
		return []*Message{NewText(fmt.Appendf(nil, "%s%d %*s", name, *made, bytes, ""))}
	}, made
}

// names are the first words of messages.
func names(batch []*Message) []string {
	var all []string
	for _, m := range batch {
		var name string
		if _, err := fmt.Sscanf(string(m.polling[1:]), "%s", &name); err == nil {
			all = append(all, name)
		}
	}
	return all
}

func TestABacklogIsMadeAsItIsTaken(t *testing.T) {
	c := &Config{MaxQueueMessages: 4, MaxQueueBytes: 1000}
	var q queue
	q.push(NewText([]byte("welcome")))
	history, made := counted("h", 10, backlogPiece/2)
	q.pushBacklog(history)
	q.push(NewText([]byte("now")))
	if *made != 0 {
		t.Errorf("%d messages are made before the client takes any", *made)
	}
	if q.full(c) {
		t.Errorf("full of %d of 4 messages", q.count)
	}
	batch := q.take()
	if got, want := names(batch), []string{"welcome", "h1", "h2"}; !cmp.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	q.pushFirst(NewText([]byte("ping")))
	if !q.full(c) {
		t.Errorf("not full of %d of 4 messages", q.count)
	}
	q.release(batch)
	var rest []string
	for !q.empty() {
		batch := q.take()
		rest = append(rest, names(batch)...)
		q.release(batch)
	}
	want := []string{"ping", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "now"}
	if !cmp.Equal(rest, want) {
		t.Errorf("then took %v, want %v", rest, want)
	}
	if q.count != 0 || q.bytes != 0 || q.deferred != nil {
		t.Errorf("at the end %d messages of %d bytes count, and a backlog is left: %t", q.count, q.bytes, q.deferred != nil)
	}
}

func TestBacklogsComeOneBehindTheOther(t *testing.T) {
	for _, test := range []struct {
		name        string
		first, last int
	}{
		{"both have something", 2, 2},
		{"the first is empty", 0, 2},
		{"the last is empty", 2, 0},
		{"both are empty", 0, 0},
	} {
		var want []string
		for i := range test.first {
			want = append(want, fmt.Sprintf("a%d", i+1))
		}
		want = append(want, "between")
		for i := range test.last {
			want = append(want, fmt.Sprintf("b%d", i+1))
		}
		want = append(want, "behind")
		fill := func(q *queue) {
			first, _ := counted("a", test.first, 100)
			last, _ := counted("b", test.last, 100)
			q.pushBacklog(first)
			q.push(NewText([]byte("between")))
			q.pushBacklog(last)
			q.push(NewText([]byte("behind")))
		}
		t.Run(test.name, func(t *testing.T) {
			var q queue
			fill(&q)
			var got []string
			for !q.empty() {
				batch := q.take()
				got = append(got, names(batch)...)
				q.release(batch)
			}
			if !cmp.Equal(got, want) || q.count != 0 || q.bytes != 0 {
				t.Errorf("took %v, want %v; %d messages of %d bytes count", got, want, q.count, q.bytes)
			}
		})
		t.Run(test.name+", by polls", func(t *testing.T) {
			var q queue
			fill(&q)
			var got []string
			for !q.empty() {
				batch := q.takeForPoll(1, 1000)
				if len(batch) != 1 {
					t.Fatalf("an answer to a poll has %d messages", len(batch))
				}
				got = append(got, names(batch)...)
			}
			if !cmp.Equal(got, want) || q.count != 0 || q.bytes != 0 {
				t.Errorf("took %v, want %v; %d messages of %d bytes count", got, want, q.count, q.bytes)
			}
		})
	}
}

func TestAPollTakesWhatItHasRoomForOfABacklog(t *testing.T) {
	var q queue
	q.push(NewText([]byte("welcome")))
	next, made := counted("h", 10, 100)
	q.pushBacklog(next)
	batch := q.takeForPoll(100, 350)
	if got, want := names(batch), []string{"welcome", "h1", "h2", "h3"}; !cmp.Equal(got, want) || *made > 4 {
		t.Errorf("took %v and made %d, want %v", got, *made, want)
	}
	if q.count != 1 || q.bytes != 0 {
		t.Errorf("%d messages of %d bytes count, want the backlog alone", q.count, q.bytes)
	}
}

func TestWhatIsHeldCounts(t *testing.T) {
	m := NewText(make([]byte, 97)) // 100 bytes
	var q queue
	q.hold([]*Message{m, m})
	q.push(m)
	q.release(q.take())
	if q.count != 2 || q.bytes != 200 {
		t.Errorf("%d messages of %d bytes count, want what is held", q.count, q.bytes)
	}
	q.unhold([]*Message{m})
	q.push(m)
	history, _ := counted("h", 1, 10)
	q.pushBacklog(history)
	if batch := q.take(); len(batch) != 2 || q.empty() && q.count != 2 {
		t.Errorf("took %d messages beside what is held; %d count", len(batch), q.count)
	} else {
		q.release(batch)
	}
	q.unhold([]*Message{m})
	if !q.empty() || q.count != 0 || q.bytes != 0 || q.deferred != nil {
		t.Errorf("%d messages of %d bytes count in the end", q.count, q.bytes)
	}
	q.hold([]*Message{m})
	q.drop()
	if q.count != 0 || q.bytes != 0 {
		t.Errorf("%d messages of %d bytes count after all is dropped", q.count, q.bytes)
	}
}

func TestABacklogThatWaitsHoldsUpWhatIsBehindIt(t *testing.T) {
	var q queue
	stored, made := counted("h", 2, 0)
	there := false
	q.pushBacklog(func() []*Message {
		if *made == 1 && !there {
			return NotYet
		}
		return stored()
	})
	q.push(NewText([]byte("now")))
	if got, want := names(q.take()), []string{"h1"}; !cmp.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	if q.release(nil); !q.empty() {
		t.Error("something is to be taken while the backlog waits")
	}
	q.pushFirst(NewText([]byte("ping")))
	if got, want := names(q.takeForPoll(10, 1000)), []string{"ping"}; !cmp.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	there, q.deferred.stalled = true, false
	var rest []string
	for !q.empty() {
		rest = append(rest, names(q.takeForPoll(10, 1000))...)
	}
	if want := []string{"h2", "now"}; !cmp.Equal(rest, want) {
		t.Errorf("then took %v, want %v", rest, want)
	}
	if q.count != 0 || q.deferred != nil {
		t.Errorf("%d messages count at the end", q.count)
	}
}
