// SPDX-License-Identifier: Apache-2.0

package patience

import "testing"

func TestTurnEndsOnce(t *testing.T) {
	var turn Turn
	for _, reader := range []Reader{Polled, Polled, Stream, Post, Polled} {
		call := turn.Begin(reader)
		if _, _, ok := turn.Waiting(); ok {
			t.Fatalf("reader %d: a call waits that has not said so", reader)
		}
		if !turn.End(call) {
			t.Fatalf("reader %d: a call that does not wait was handed on", reader)
		}

		call = turn.Begin(reader)
		turn.MayWait()
		turn.MayWait()
		waiting, by, ok := turn.Waiting()
		if !ok || by != reader {
			t.Fatalf("reader %d waits: %t, by %d", reader, ok, by)
		}
		if !turn.End(call) {
			t.Fatalf("reader %d: a call that waited was handed on", reader)
		}
		if turn.HandOn(waiting) {
			t.Fatalf("reader %d: a call that has ended is handed on", reader)
		}

		call = turn.Begin(reader)
		turn.MayWait()
		waiting, _, _ = turn.Waiting()
		if !turn.HandOn(waiting) || turn.HandOn(waiting) {
			t.Fatalf("reader %d: a call is not handed on once", reader)
		}
		next := turn.Begin(Post)
		if turn.End(call) {
			t.Fatalf("reader %d: a call that was handed on keeps the turn", reader)
		}
		if !turn.End(next) {
			t.Fatalf("reader %d: the next call has lost its turn", reader)
		}
	}
}
