// SPDX-License-Identifier: Apache-2.0

package batch

import "slices"

// JoinedSize is how much goes out in one system call when many small frames wait: copying some
// hundred bytes costs less than handing the kernel one more piece. A slow client's writer holds one
// such buffer while it waits.
const JoinedSize = 16 << 10

// Joiner makes one piece of many frames. It remembers the last piece: the next member of a room
// mostly waits for the same messages, and shares the bytes.
type Joiner[M comparable] struct {
	messages []M
	bytes    []byte
}

// Owns tells whether bytes are the joiner's, and not those of a message, which do not change.
func (j *Joiner[M]) Owns(piece []byte) bool {
	return len(piece) > 0 && len(j.bytes) > 0 && &piece[0] == &j.bytes[0]
}

// Join returns the frames of as many messages as fit, of one at least, and how many these are. The
// bytes are good until the next call, and may not be changed. same: the frames are those that all
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
