// SPDX-License-Identifier: Apache-2.0

package netpoll

// fifo is a queue that keeps its memory.
type fifo[T any] struct {
	items []T
	head  int
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

// first returns the oldest item; there must be one.
func (f *fifo[T]) first() T { return f.items[f.head] }

func (f *fifo[T]) push(item T) {
	if len(f.items) == cap(f.items) && f.head > len(f.items)/2 { // otherwise a queue that is never empty would grow forever
		n := copy(f.items, f.items[f.head:])
		clear(f.items[n:])
		f.items, f.head = f.items[:n], 0
	}
	f.items = append(f.items, item)
}

// pop removes the oldest item; there must be one.
func (f *fifo[T]) pop() T {
	var one [1]T
	f.take(one[:])
	return one[0]
}

// take moves the oldest items to a slice, as many as fit, and returns their number.
func (f *fifo[T]) take(to []T) int {
	n := copy(to, f.items[f.head:])
	clear(f.items[f.head : f.head+n])
	f.head += n
	if f.len() == 0 {
		f.items, f.head = f.items[:0], 0
	}
	return n
}
