// SPDX-License-Identifier: Apache-2.0

// Package netpoll reads from many TCP connections, and writes to them without waiting, with no
// goroutine and no buffer for a connection that is idle. It works by epoll, on Linux. Elsewhere, and
// for connections that are more than a socket, such as TLS, Take returns errors.ErrUnsupported and the
// caller keeps a goroutine for each. The worker that reads a connection also runs the queued tasks,
// such as flushes of what its messages have brought about.
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
// An event is that there are bytes, that there is room again after a short write, that the client
// sends no more, or that the deadline has come. epoll tells of the first three, edge-triggered, so
// each is remembered until it is served. A connection is served by one worker at a time.
//
// Workers exist only while there is something to do or to wait for:
//
//	              +--> serve a connection --+
//	hire --> next +--> do up to 64 tasks ---+--> next
//	              +--> wait for epoll ------+       (one worker at most)
//	              +--> leave                        (another one waits, or no connection is left)
//
// A turn is one read and as much of it as the handler likes to do at once; with what is left, Handle is
// called in the connection's next turn, behind the others. Connections come before tasks, until 128
// were served while tasks wait. A handler may wait; so a timer looks every 2 ms, while connections are
// served, whether one takes longer than that:
//
//	a worker is busy with one connection             --> hand the connection on, if its handler lets go
//	all workers are, and do not let go of theirs    --> hire twice as many
//	one is free, but a connection waits all the same --> hire a second
//
// A connection that is handed on is served by others while the worker is still in the call of Handle
// that has taken long. That worker touches nothing of it any more, and leaves when the call returns.
//
// Together holds tasks back, so that several events become one write; the hold ends with the call, or
// when tasks have waited for two looks.
//
// Invariants:
//   - Calls of one handler come one at a time, but for HandOn and a call of Handle that was handed on,
//     and none comes after Close.
//   - No lock is held while a handler is called or a task is done.
//   - A file descriptor is closed under the connection's lock, so a Write never reaches a connection
//     that was given the same number.
//   - A panic ends one connection, or one task.
//
// It replaces Go's own network poller, which needs a goroutine, and its stack, for each connection that
// is read. gnet and nbio do the same as this package, but own the listener and the event loop; here
// net/http accepts connections and upgrades them. docs/decisions 0014 and 0015 have the measurements.
package netpoll

// Handler takes what a connection brings. Its calls come one at a time, and none comes after Close.
// A call may take its time: other connections do not wait for it, except for some milliseconds.
type Handler interface {
	// Received takes bytes, which it may change but not keep: they are in a large buffer that others
	// want. So it should not wait; Handle may.
	Received(data []byte)
	// Handle is called after each Received, and does some of what has been received. While it waits, a
	// connection takes no more than a goroutine and what the handler itself holds.
	Handle() Progress
	// HandOn is called, by another goroutine, while the connection's turn takes long: at each look, so that
	// the handler can tell one long call of the application from many short ones; or at once, for a call
	// that is about to wait. If it is true, the call of Handle that is under way does not have the
	// connection any more: it returns HandedOn, in its own time. HandOn must not wait.
	HandOn(atOnce bool) bool
	// Writable is called when there is room again, after a Write that could not write all.
	Writable()
	// Ended is called with io.EOF when the client sends no more, and with why the connection is
	// broken when it is: after that only the deadline can follow. With os.ErrDeadlineExceeded it is
	// called each time that a deadline has come. The handler closes the connection, then or later.
	Ended(err error)
	// Panicked is called if another call has panicked, while that is stopped. The handler closes the
	// connection, and holds no lock any more.
	Panicked(value any)
}

// Progress is what Handle has made of what was received.
type Progress uint8

const (
	// Done: nothing is left.
	Done Progress = iota
	// More: something is left. Handle is called again when other connections have had their turn, and
	// nothing is read before.
	More
	// HandedOn: others have the connection.
	HandedOn
)

// Task is something that a worker does once it has served the connections that have events. It may
// not wait. If it panics, the others are done all the same.
type Task interface{ Do() }
