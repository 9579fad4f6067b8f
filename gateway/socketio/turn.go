// SPDX-License-Identifier: Apache-2.0

package socketio

// InTurn calls f as a handler of the socket is called: while none of them runs, at once or, while one does, behind it, by
// whoever runs that. It is for what a handler could not wait for: the handler starts a goroutine, and that comes back by
// InTurn. The socket may have left meanwhile; Connected tells.
func (s *Socket) InTurn(f func()) { s.conn.Run(s.lane, f) }

// After is Suspend for a handler that waits for a function: then is called when that has returned.
func (s *Socket) After(wait, then func()) { s.conn.After(s.lane, wait, then) }

// Suspend is for a handler that waits: it returns, and goes on in what resume is given, when that is called. Until then nothing else
// of the socket has its turn, as if the handler had waited; but no goroutine waits, with all that the handler has had on its stack.
// It is called by a handler, and resume exactly once. That calls what it is given, and whatever else has its turn then, so it may
// take its time.
func (s *Socket) Suspend() (resume func(then func())) { return s.conn.Suspend(s.lane) }

// Suspended is how many handlers wait, of those that Suspend and After have suspended.
func (s *Server) Suspended() int { return int(s.host.Suspended.Load()) }
