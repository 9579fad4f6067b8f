// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"errors"
	"io"
	"sync"
	"time"
)

// refusalWait is how long the owner may take to refuse a body that is too large.
const refusalWait = 5 * time.Second

var errBodyTooLarge = errors.New("body is larger than any session takes")

// boundedBody is a body of unknown length. One byte more is read than the owner accepts, which
// makes the owner refuse it. After that reading fails instead of ending, since a shortened body
// would be a different one.
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

// sentOnce is the body of a request without one that must not be sent again: net/http repeats a GET
// without a body if a reused connection breaks before the answer. The owner of a session may have
// put messages into that answer, and does not have them any more. With a body, even an empty one, a
// request is sent once, and fails.
type sentOnce struct{}

func (sentOnce) Read([]byte) (int, error) { return 0, io.EOF }
func (sentOnce) Close() error             { return nil }

// copyBuffer is how much of an answer is read at a time.
const copyBuffer = 32 << 10

var pool = sync.Pool{New: func() any { return new([copyBuffer]byte) }}

// buffers are the buffers of ReverseProxy.
type buffers struct{}

func (buffers) Get() []byte  { return pool.Get().(*[copyBuffer]byte)[:] }
func (buffers) Put(b []byte) { pool.Put((*[copyBuffer]byte)(b)) }
