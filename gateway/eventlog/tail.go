// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"hash/fnv"
	"strconv"
)

const (
	// tailSize bounds how many of the last messages of the log a gateway remembers the numbers of. It must cover the messages
	// of two probes, 5 s, or all members are told instead of a few rooms' after the log was lost.
	tailSize = 65_536
	// tailSubjects bounds the subjects that one gateway names to the others.
	tailSubjects = 4096
)

// tail is what a gateway knows of the end of the log: the subjects and numbers of the messages that it has stored, and of those
// of other gateways that it has delivered. Only the loop uses it.
type tail struct {
	messages []tailMessage // a ring
	next     int
	// highest is the highest number seen, forgotten the highest that is no longer in the ring.
	highest, forgotten uint64
}

// tailMessage has the subject without what begins the subjects of all events.
type tailMessage struct {
	subject string
	number  uint64
	// publisher is the gateway that has stored it; empty for this one, which then knows that it is stored.
	publisher string
}

func (t *tail) add(subject string, number uint64, publisher string) {
	t.highest = max(t.highest, number)
	if len(t.messages) < tailSize {
		t.messages = append(t.messages, tailMessage{subject, number, publisher})
		return
	}
	t.forgotten = max(t.forgotten, t.messages[t.next].number)
	t.messages[t.next] = tailMessage{subject, number, publisher}
	t.next = (t.next + 1) % tailSize
}

// beyond lists the subjects with messages of some publishers behind a number, by their hashes, and the last number of each. If it
// cannot name them all, it returns the highest number instead.
func (t *tail) beyond(number uint64, of func(publisher string) bool) (subjects map[string]uint64, all uint64) {
	if t.forgotten > number {
		return nil, t.highest
	}
	subjects = map[string]uint64{}
	for _, m := range t.messages {
		if m.number <= number || !of(m.publisher) {
			continue
		}
		hash := subjectHash(m.subject)
		subjects[hash] = max(subjects[hash], m.number)
		if len(subjects) > tailSubjects {
			return nil, t.highest
		}
	}
	return subjects, 0
}

// subjectHash stands for a subject. Two that have the same are told together.
func subjectHash(subject string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(subject)) // never fails
	return strconv.FormatUint(h.Sum64(), 36)
}
