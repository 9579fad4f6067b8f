// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
)

// deflateOffer asks for messages that are compressed each on its own, so that one can be read
// without those before it (RFC 7692, section 7.1.1). A stock client does not ask for that.
const deflateOffer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

// recentMessages is how many inflated messages are kept: those that are on their way to many
// clients at once.
const recentMessages = 256

// inflater reads compressed messages. One to many is the same bytes to each of them, and inflated
// for the first.
type inflater struct {
	frames int // that have come
	known  map[string][]byte
	recent [recentMessages]string // keys of known, the oldest at next
	next   int
	reader io.ReadCloser
	source bytes.Reader
}

func newInflater() *inflater {
	i := &inflater{known: map[string][]byte{}}
	i.reader = flate.NewReader(&i.source)
	return i
}

// end is the empty block that a sender leaves off (RFC 7692, section 7.2.2), and one that ends the
// stream.
var end = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

// inflate returns what a payload holds. It must not be changed.
func (i *inflater) inflate(payload []byte) ([]byte, error) {
	i.frames++
	if message, ok := i.known[string(payload)]; ok {
		return message, nil
	}
	i.source.Reset(append(bytes.Clone(payload), end...))
	if err := i.reader.(flate.Resetter).Reset(&i.source, nil); err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	message, err := io.ReadAll(i.reader)
	if err != nil {
		return nil, fmt.Errorf("inflate: %w", err)
	}
	key := string(payload)
	delete(i.known, i.recent[i.next])
	i.known[key], i.recent[i.next] = message, key
	i.next = (i.next + 1) % recentMessages
	return message, nil
}
