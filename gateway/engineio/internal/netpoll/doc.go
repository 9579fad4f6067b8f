// SPDX-License-Identifier: Apache-2.0

// Package netpoll reads from many TCP connections, and writes to them without waiting, with no goroutine and no buffer for a
// connection that is idle. It is for Linux, by epoll; elsewhere, and for connections that are more than a socket, such as TLS, Take
// says no and the caller keeps a goroutine for each. Whoever reads also writes what that brings about, as tasks of a Queue.
package netpoll

// Handler takes what a connection brings. Its calls come one at a time, and none comes after Close. A call may take its time: other
// connections do not wait for it, but for some milliseconds.
type Handler interface {
	// Received takes bytes, which it may change but not keep: they are in a large buffer that others
	// want. So it should not wait; Handle may.
	Received(data []byte)
	// Handle is called after each Received. While it waits, a connection takes no more than a
	// goroutine and what the handler itself holds.
	Handle()
	// Writable is called when there is room again, after a Write that could not write all.
	Writable()
	// Ended is called with io.EOF when the client sends no more, and with why the connection is broken when it is: after that only the
	// deadline can follow. With os.ErrDeadlineExceeded it is called each time that a deadline has come. The handler closes the
	// connection, then or later.
	Ended(err error)
	// Panicked is called if another call has panicked, while that is stopped. The handler closes the
	// connection, and holds no lock any more.
	Panicked(value any)
}

// Task is something that a worker does once it has served the connections to which something has happened. It may not wait.
// If it panics, the others are done all the same.
type Task interface{ Do() }
