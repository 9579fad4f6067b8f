// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"errors"
	"io"
	"sync"
	"time"
)

// refusalWait is how long the owner may take to refuse a body that it has had too much of.
const refusalWait = 5 * time.Second

var errBodyTooLarge = errors.New("body is larger than any session takes")

// boundedBody is a body of unknown length, of which one byte more is read than the owner takes,
// since that makes the owner refuse it. To end it there would make another one of it.
type boundedBody struct {
	io.ReadCloser
	left int64
	done <-chan struct{} // closed when the request has been answered
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		timer := time.NewTimer(refusalWait)
		defer timer.Stop()
		select {
		case <-b.done:
		case <-timer.C:
		}
		return 0, errBodyTooLarge
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// sentOnce is the body of a request that has none, and that must not be sent again: net/http
// repeats a GET without a body when a reused connection breaks before the answer. The owner of a
// session may have put messages into that answer, which it does not have any more. With a body of
// its own, even an empty one, a request is sent once, and fails.
type sentOnce struct{}

func (sentOnce) Read([]byte) (int, error) { return 0, io.EOF }
func (sentOnce) Close() error             { return nil }

// copyBuffer is what is read of an answer at a time.
const copyBuffer = 32 << 10

var pool = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// buffers are ReverseProxy's.
type buffers struct{}

func (buffers) Get() []byte  { return pool.Get().(*[copyBuffer]byte)[:] }
func (buffers) Put(b []byte) { pool.Put((*[copyBuffer]byte)(b)) }
