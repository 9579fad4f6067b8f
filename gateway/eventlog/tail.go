// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"hash/fnv"
	"strconv"
)

const (
	// tailSize bounds the messages at the end of the log whose sequences a gateway remembers. It
	// must cover the time of two probes, 5 s; otherwise all members are disconnected after the log
	// was lost, instead of those of a few rooms.
	tailSize = 65_536
	// tailSubjects bounds the subjects that one gateway names to the others.
	tailSubjects = 4096
)

// tail describes the end of the log: the subjects and sequences of the messages that this gateway
// has stored, and of those of other gateways that it has delivered. Only the loop uses it.
type tail struct {
	messages []tailMessage // a ring
	next     int
	// highest is the highest sequence seen, and forgotten the highest that is no longer in the
	// ring.
	highest, forgotten uint64
}

// tailMessage has the subject without the common prefix of all events' subjects.
type tailMessage struct {
	subject string
	number  uint64
	// publisher is the gateway that has stored the message; empty for this one.
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

// beyond returns the subjects with messages of some publishers after a sequence, by their hashes,
// and the last sequence of each. If there are too many, it returns the highest sequence instead.
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

// subjectHash returns the hash of a subject. Subjects with the same hash are treated as one.
func subjectHash(subject string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(subject)) // never fails
	return strconv.FormatUint(h.Sum64(), 36)
}
