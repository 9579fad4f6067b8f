// SPDX-License-Identifier: Apache-2.0

package patience

import "sync/atomic"

// Reader is a kind of reader of a client's messages. It calls the client's handler.
type Reader uint64

// The readers. Turn has one of them in its upper bits.
const (
	// Polled is a worker of netpoll.
	Polled Reader = iota << 62
	// Stream is a goroutine that reads a connection.
	Stream
	// Post is a goroutine that reads the body of a POST.
	Post

	readers uint64 = 3 << 62
)

// Turn has the reader of a client's messages: the one that calls the handler keeps the turn until
// the call ends or is handed on. Only a call that may wait can be handed on.
//
//	+-------+  MayWait   +----------+
//	| even  | ---------> |   odd    |  the running call may wait
//	+-------+ <--------- +----------+
//	          End: the caller goes on reading
//	          HandOn: another reader does
//
// Each step adds one, so a call that was handed on does not find its own number at its end. The
// zero value is ready for use. Begin and End are for one caller at a time.
type Turn struct{ number atomic.Uint64 }

// Begin begins a call by a reader. End takes the number that it returns.
func (t *Turn) Begin(r Reader) (number uint64) {
	number = t.number.Load()
	if number&readers != uint64(r) {
		number = number&^readers | uint64(r)
		t.number.Store(number)
	}
	return number
}

// End ends a call. It reports whether the caller still has the turn.
func (t *Turn) End(number uint64) (kept bool) {
	return t.number.Load() == number || t.number.CompareAndSwap(number+1, number+2)
}

// MayWait marks the running call as one that may wait.
func (t *Turn) MayWait() {
	if t.number.Load()%2 == 0 {
		t.number.Add(1)
	}
}

// Waiting returns the number of the running call and its reader. ok is false if there is no call
// that may wait.
func (t *Turn) Waiting() (number uint64, r Reader, ok bool) {
	number = t.number.Load()
	return number, Reader(number & readers), number%2 != 0
}

// HandOn takes the turn from the call that Waiting has returned, unless that call has ended.
func (t *Turn) HandOn(number uint64) bool { return t.number.CompareAndSwap(number, number+1) }

// Number differs from one call that has waited to the next.
func (t *Turn) Number() uint64 { return t.number.Load() }
