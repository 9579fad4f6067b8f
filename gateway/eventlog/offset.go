// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"strconv"

	"github.com/realtime-operator/realtime-operator/gateway/internal/offset"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Unordered prepares an event that is not stored: to clients that can be recovered it says what they have got before it. The
// caller delivers it, then calls what is returned.
func (l *Log) Unordered(d *socketio.Delivery) (done func()) {
	l.delivering.Lock()
	d.ExtraArgs = l.offset(nil, l.deliveredTo)
	return l.delivering.Unlock
}

// offset adds to extra arguments what a client is told of its place in the log. The lock delivering is held.
func (l *Log) offset(values []byte, position uint64) []byte {
	return offset.Append(values, l.incarnation, position)
}

// AppendOffset adds to extra arguments the offset of a sequence.
func (l *Log) AppendOffset(values []byte, sequence uint64) []byte {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.offset(values, sequence)
}

// ParseOffset is what a client says that it has got: 0 if it is nothing that it was told, or of a log that is no more.
func (l *Log) ParseOffset(has string) uint64 {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return offset.Parse(l.incarnation, has)
}

// Incarnation names the stream that there is now; another one of the same name has another.
func (l *Log) Incarnation() string {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return l.incarnation
}

// Hold begins to keep back what comes in for a socket, behind a sequence, and returns the offset of what it has got.
func (l *Log) Hold(s *socketio.Socket) (release func(socketio.Past), since uint64, offset []byte) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	return s.Hold(), l.deliveredTo, l.offset(nil, l.deliveredTo)
}

// AppendRevision adds to extra arguments the revision of an event.
func AppendRevision(values []byte, sequence uint64) []byte {
	values = append(values, `{"revision":`...)
	return append(strconv.AppendUint(values, sequence, 10), '}')
}
