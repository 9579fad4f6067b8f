// SPDX-License-Identifier: Apache-2.0

package service

// waitToAuthenticate asks who a client is, and waits for the answer, in a goroutine of the client's
// own. Who is waited for bounds the wait, and it ends with the connection. A program that has come
// into force meanwhile is asked, too: the client has not been admitted yet.
func (r *Runtime) waitToAuthenticate(c *candidate) (refused error) {
	ctx := c.socket.ConnectionContext()
	for {
		v := c.ask(ctx)
		next := r.candidate(c.socket)
		if next != nil && next.authentication != c.authentication && ctx.Err() == nil {
			c = next
			continue
		}
		if next != nil { // otherwise everybody may connect by now
			// Many waits may end at once, so they take turns.
			c.socket.Compute(func() { refused = r.judge(c, v) })
		}
		return refused
	}
}
