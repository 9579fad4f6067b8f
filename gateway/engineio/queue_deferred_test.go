// SPDX-License-Identifier: Apache-2.0

package engineio

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/sendqueue"
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
		if _, err := fmt.Sscanf(string(m.form.Polling()[1:]), "%s", &name); err == nil {
			all = append(all, name)
		}
	}
	return all
}

func TestABacklogIsMadeAsItIsTaken(t *testing.T) {
	c := &Config{MaxQueueMessages: 4, MaxQueueBytes: 1000}
	var q sendqueue.Queue[*Message]
	q.Push(NewText([]byte("welcome")))
	history, made := counted("h", 10, sendqueue.BacklogPiece/2)
	q.PushBacklog(history)
	q.Push(NewText([]byte("now")))
	if *made != 0 {
		t.Errorf("%d messages are made before the client takes any", *made)
	}
	if q.Full(c.MaxQueueMessages, c.MaxQueueBytes) {
		t.Errorf("full of %d of 4 messages", q.Count())
	}
	batch := q.Take()
	if got, want := names(batch), []string{"welcome", "h1", "h2"}; !cmp.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	q.PushFirst(NewText([]byte("ping")))
	if !q.Full(c.MaxQueueMessages, c.MaxQueueBytes) {
		t.Errorf("not full of %d of 4 messages", q.Count())
	}
	q.Release(batch)
	var rest []string
	for !q.Empty() {
		batch := q.Take()
		rest = append(rest, names(batch)...)
		q.Release(batch)
	}
	want := []string{"ping", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "now"}
	if !cmp.Equal(rest, want) {
		t.Errorf("then took %v, want %v", rest, want)
	}
	if q.Count() != 0 || q.Bytes() != 0 || q.Deferring() {
		t.Errorf("at the end %d messages of %d bytes count, and a backlog is left: %t", q.Count(), q.Bytes(), q.Deferring())
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
		fill := func(q *sendqueue.Queue[*Message]) {
			first, _ := counted("a", test.first, 100)
			last, _ := counted("b", test.last, 100)
			q.PushBacklog(first)
			q.Push(NewText([]byte("between")))
			q.PushBacklog(last)
			q.Push(NewText([]byte("behind")))
		}
		t.Run(test.name, func(t *testing.T) {
			var q sendqueue.Queue[*Message]
			fill(&q)
			var got []string
			for !q.Empty() {
				batch := q.Take()
				got = append(got, names(batch)...)
				q.Release(batch)
			}
			if !cmp.Equal(got, want) || q.Count() != 0 || q.Bytes() != 0 {
				t.Errorf("took %v, want %v; %d messages of %d bytes count", got, want, q.Count(), q.Bytes())
			}
		})
		t.Run(test.name+", by polls", func(t *testing.T) {
			var q sendqueue.Queue[*Message]
			fill(&q)
			var got []string
			for !q.Empty() {
				batch := q.TakeForPoll(1, 1000)
				if len(batch) != 1 {
					t.Fatalf("an answer to a poll has %d messages", len(batch))
				}
				got = append(got, names(batch)...)
			}
			if !cmp.Equal(got, want) || q.Count() != 0 || q.Bytes() != 0 {
				t.Errorf("took %v, want %v; %d messages of %d bytes count", got, want, q.Count(), q.Bytes())
			}
		})
	}
}

func TestAPollTakesWhatItHasRoomForOfABacklog(t *testing.T) {
	var q sendqueue.Queue[*Message]
	q.Push(NewText([]byte("welcome")))
	next, made := counted("h", 10, 100)
	q.PushBacklog(next)
	batch := q.TakeForPoll(100, 350)
	if got, want := names(batch), []string{"welcome", "h1", "h2", "h3"}; !cmp.Equal(got, want) || *made > 4 {
		t.Errorf("took %v and made %d, want %v", got, *made, want)
	}
	if q.Count() != 1 || q.Bytes() != 0 {
		t.Errorf("%d messages of %d bytes count, want the backlog alone", q.Count(), q.Bytes())
	}
}

func TestWhatIsHeldCounts(t *testing.T) {
	m := NewText(make([]byte, 97)) // 100 bytes
	var q sendqueue.Queue[*Message]
	q.Hold([]*Message{m, m})
	q.Push(m)
	q.Release(q.Take())
	if q.Count() != 2 || q.Bytes() != 200 {
		t.Errorf("%d messages of %d bytes count, want what is held", q.Count(), q.Bytes())
	}
	q.Unhold([]*Message{m})
	q.Push(m)
	history, _ := counted("h", 1, 10)
	q.PushBacklog(history)
	if batch := q.Take(); len(batch) != 2 || q.Empty() && q.Count() != 2 {
		t.Errorf("took %d messages beside what is held; %d count", len(batch), q.Count())
	} else {
		q.Release(batch)
	}
	q.Unhold([]*Message{m})
	if !q.Empty() || q.Count() != 0 || q.Bytes() != 0 || q.Deferring() {
		t.Errorf("%d messages of %d bytes count in the end", q.Count(), q.Bytes())
	}
	q.Hold([]*Message{m})
	q.Drop()
	if q.Count() != 0 || q.Bytes() != 0 {
		t.Errorf("%d messages of %d bytes count after all is dropped", q.Count(), q.Bytes())
	}
}

func TestABacklogThatWaitsHoldsUpWhatIsBehindIt(t *testing.T) {
	var q sendqueue.Queue[*Message]
	stored, made := counted("h", 2, 0)
	there := false
	q.PushBacklog(func() []*Message {
		if *made == 1 && !there {
			return NotYet
		}
		return stored()
	})
	q.Push(NewText([]byte("now")))
	if got, want := names(q.Take()), []string{"h1"}; !cmp.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	if q.Release(nil); !q.Empty() {
		t.Error("something is to be taken while the backlog waits")
	}
	q.PushFirst(NewText([]byte("ping")))
	if got, want := names(q.TakeForPoll(10, 1000)), []string{"ping"}; !cmp.Equal(got, want) {
		t.Errorf("took %v, want %v", got, want)
	}
	there = true
	q.Resume()
	var rest []string
	for !q.Empty() {
		rest = append(rest, names(q.TakeForPoll(10, 1000))...)
	}
	if want := []string{"h2", "now"}; !cmp.Equal(rest, want) {
		t.Errorf("then took %v, want %v", rest, want)
	}
	if q.Count() != 0 || q.Deferring() {
		t.Errorf("%d messages count at the end", q.Count())
	}
}
