// SPDX-License-Identifier: Apache-2.0

package batch

import "slices"

// JoinedSize is the size of one write when many small frames wait: copying some hundred bytes costs
// less than passing one more piece to the kernel. The writer of a slow client holds one such buffer
// while it waits.
const JoinedSize = 16 << 10

// Joiner joins many frames to one piece. It remembers the last piece: the next member of a room
// usually waits for the same messages, and shares the bytes.
type Joiner[M comparable] struct {
	messages []M
	bytes    []byte
}

// Owns reports whether bytes belong to the joiner, rather than to a message, whose bytes do not
// change.
func (j *Joiner[M]) Owns(piece []byte) bool {
	return len(piece) > 0 && len(j.bytes) > 0 && &piece[0] == &j.bytes[0]
}

// Join returns the frames of as many messages as fit, but at least of one, and their number. The
// bytes are valid until the next call, and must not be changed. same: the frames are those that all
// connections share.
func (j *Joiner[M]) Join(messages []M, frameOf func(M) []byte, same bool) ([]byte, int) {
	if len(messages) == 1 {
		return frameOf(messages[0]), 1
	}
	if same && slices.Equal(messages, j.messages) {
		return j.bytes, len(messages)
	}
	first := frameOf(messages[0])
	if len(first) >= JoinedSize {
		return first, 1
	}
	clear(j.messages)
	j.messages = j.messages[:0]
	j.bytes = append(j.bytes[:0], first...)
	n := 1
	for ; n < len(messages); n++ {
		frame := frameOf(messages[n])
		if len(j.bytes)+len(frame) > JoinedSize {
			break
		}
		j.bytes = append(j.bytes, frame...)
	}
	if same {
		j.messages = append(j.messages, messages[:n]...)
	}
	return j.bytes, n
}
