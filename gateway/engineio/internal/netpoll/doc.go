// SPDX-License-Identifier: Apache-2.0

// Package netpoll reads from many TCP connections, and writes to them without waiting, with no
// goroutine and no buffer for a connection that is idle. It works by epoll, on Linux. Elsewhere,
// and for connections that are more than a socket, such as TLS, Take returns errors.ErrUnsupported
// and the caller keeps a goroutine for each. The worker that reads a connection also runs the
// queued tasks, such as flushes of what its messages have brought about.
//
// A connection is in one of these states; the loop's lock guards it:
//
//	 Take          Start            event             worker
//	 ----> taken --------> idle ------------> waiting --------> served
//	                        ^                    ^                |
//	                        |                    +-- more, or ----+
//	                        |                        an event     |
//	                        +------------ nothing more -----------+
//
//	any of them: Close ------> closed, and no call of the handler follows
//
// The events are: there are bytes; there is room again after a short write; the client sends no
// more; the deadline has passed. epoll reports the first three, edge-triggered, so each is
// remembered until it is served. A connection is served by one worker at a time.
//
// Workers exist only while there is something to do or to wait for:
//
//	              +--> serve a connection --+
//	hire --> next +--> do up to 64 tasks ---+--> next
//	              +--> wait for epoll ------+       (one worker at most)
//	              +--> leave                        (another one waits, or no connection is left)
//
// In a turn, the worker reads once, and the handler handles as much of that as it likes at once;
// for the rest, Handle is called in the connection's next turn, after the other connections.
// Connections come before tasks, until 128 were served while tasks wait. Handlers may wait.
// Therefore, while connections are served, a timer looks every 2 ms for those that take longer than
// that:
//
//	a worker is busy with one connection             --> hand it on, if its handler lets go
//	all workers are, and do not let go of theirs    --> hire twice as many
//	one is free, but a connection waits all the same --> hire a second
//
// A handler that is about to compute for long says so (Conn.Long), and counts as busy from then on.
//
// A connection that is handed on is served by other workers while its worker is still in the slow
// call of Handle. That worker no longer uses the connection, and leaves when the call returns.
//
// Together holds tasks back, so that several events become one write; the hold ends with the call,
// or when tasks have waited for two looks.
//
// Invariants:
//   - Calls of one handler come one at a time, but for HandOn and a call of Handle that was handed
//     on, and none comes after Close.
//   - No lock is held while a handler is called or a task is done.
//   - A file descriptor is closed under the connection's lock, so a Write never reaches a
//     connection that was given the same number.
//   - A panic ends one connection, or one task.
//
// It replaces Go's own network poller, which needs a goroutine, and its stack, for each connection
// that is read. gnet and nbio work like this package, but own the listener and the event loop; here
// net/http accepts connections and upgrades them. docs/decisions 0014 and 0015 have the
// measurements.
package netpoll

// Handler receives the events of a connection. Its calls come one at a time, and none comes after
// Close. A call may take long: it delays other connections by no more than some milliseconds.
type Handler interface {
	// Received receives bytes, which it may change but not keep: they are in a large buffer that
	// other connections need. Therefore it should not wait; Handle may.
	Received(data []byte)
	// Handle is called after each Received, and handles some of the received data. While it waits,
	// a connection occupies no more than a goroutine and the memory of the handler.
	Handle() Progress
	// HandOn is called by another goroutine while the connection's turn takes long: at each look,
	// so that the handler can distinguish one long call of the application from many short ones; or
	// at once, for a call that is about to wait. If it returns true, the running call of Handle no
	// longer has the connection, and returns HandedOn in its own time. HandOn must not wait.
	HandOn(atOnce bool) bool
	// Writable is called when there is room again, after an incomplete Write.
	Writable()
	// Ended is called with io.EOF when the client sends no more, and with the error of a broken
	// connection; after that, only a deadline can follow. It is called with os.ErrDeadlineExceeded
	// whenever a deadline expires. The handler closes the connection, then or later.
	Ended(err error)
	// Panicked is called with the value of a panic of another call, before that returns. The
	// handler closes the connection. It no longer holds any lock.
	Panicked(value any)
}

// Progress is the result of Handle.
type Progress uint8

const (
	// Done: all received data is handled.
	Done Progress = iota
	// More: there is more data to handle. Handle is called again after other connections have had
	// their turn, and before anything is read.
	More
	// HandedOn: another worker has the connection.
	HandedOn
)

// Task is run by a worker after it has served the connections with events. It must not wait. A
// panic does not affect other tasks.
type Task interface{ Do() }
