// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Unordered prepares an event that is not stored: it tells clients that can be recovered what they
// have received before it. The caller delivers it, then calls done.
func (l *Log) Unordered(d *socketio.Delivery) (done func()) {
	l.delivering.Lock()
	d.ExtraArgs = l.offset(nil, l.deliveredTo)
	return l.delivering.Unlock
}

// offset appends the offset of a position to extra arguments. The lock delivering is held.
func (l *Log) offset(values []byte, position uint64) []byte {
	return offset.Append(values, l.incarnation, position)
}

// AppendOffset appends the offset of a sequence to extra arguments.
func (l *Log) AppendOffset(values []byte, sequence uint64) []byte {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.offset(values, sequence)
}

// ParseOffset returns the sequence of a client's offset: 0 if the offset is unknown, or belongs to
// a lost log incarnation. It returns false if the client has received more than a backup had from
// which the log was restored: other events have these sequences now.
func (l *Log) ParseOffset(has string) (sequence uint64, reaches bool) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	if sequence = offset.Parse(l.incarnation, has); sequence > 0 || l.restored.name == "" {
		return sequence, true
	}
	sequence = offset.Parse(l.restored.from, has)
	return min(sequence, l.restored.last), sequence <= l.restored.last
}

// Incarnation returns the name of the present log incarnation.
func (l *Log) Incarnation() string {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.incarnation
}

// Hold begins to hold events for a socket, after a sequence, and returns the offset of what it has
// received.
func (l *Log) Hold(s *socketio.Socket) (release func(socketio.Past), since uint64, offset []byte) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return s.Hold(), l.deliveredTo, l.offset(nil, l.deliveredTo)
}

// AppendRevision appends the revision of an event to extra arguments.
func AppendRevision(values []byte, sequence uint64) []byte {
	values = append(values, `{"revision":`...)
	return append(strconv.AppendUint(values, sequence, 10), '}')
}
