// SPDX-License-Identifier: Apache-2.0

package netpoll

// serve serves a connection. If its handler panics, the connection is closed and the worker
// continues.
func (l *loop) serve(c *Conn, happened events) (left events) {
	defer func() {
		if value := recover(); value != nil {
			l.end(c, value)
		}
	}()
	return c.serve(happened)
}

// end makes the handler close a connection after a panic.
func (l *loop) end(c *Conn, value any) {
	defer func() {
		if again := recover(); again != nil {
			l.onPanic(again)
		}
		_ = c.Close()
	}()
	if c.fd >= 0 {
		c.handler.Panicked(value)
		return
	}
	l.onPanic(value)
}

// do runs a task.
func (l *loop) do(t Task) {
	defer func() {
		if value := recover(); value != nil {
			l.onPanic(value)
		}
	}()
	t.Do()
}
