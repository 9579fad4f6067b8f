// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"sync"
	"time"
)

// tellAfter is the shortest time between two events by which a client is told of a limit.
const tellAfter = int64(time.Second)

// Socket has what one socket has used. Safe for concurrent use: events come one after another, but
// acknowledgements while an event is handled. Close ends it.
type Socket struct {
	mu            sync.Mutex
	rules         *Rules // those that the buckets are for
	events, bytes bucket
	byEvent       []bucket
	// user is nil for an anonymous client, and once the socket is closed.
	user  *User
	quiet int64 // until when the client is not told again
}

// NewSocket returns the limits of a socket that has used nothing. The user, which it releases, is
// nil for an anonymous client.
func NewSocket(user *User) *Socket { return &Socket{user: user} }

// Ask judges an event by rules that may have changed since the last one, and charges it if it is
// accepted. now is Users.Now.
func (s *Socket) Ask(r *Rules, now int64, e Event) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rules != r {
		s.turn(r, now)
	}
	place, named := r.named(e.Name)
	user := s.user != nil && r.limitsUsers()
	if !named && !user && s.take(r, now, e) {
		return Verdict{}
	}
	var q questions
	q.addBytes(r.Bytes, &s.bytes, e.Bytes)
	if !e.Ack {
		q.addEvent(r.Events, &s.events)
		if named {
			q.addEvent(r.ByEvent[place].Limit, &s.byEvent[place])
		}
	}
	if user {
		return s.user.ask(&q, r, now, e)
	}
	v := q.judge(now)
	if v.By == nil {
		q.charge(now)
	}
	return v
}

// take is a shortcut for most events: it charges the limits that hold for all of them, unless the
// event is over one.
func (s *Socket) take(r *Rules, now int64, e Event) bool {
	var bytes int64
	if l := r.Bytes; l != nil {
		if bytes = l.time(int64(e.Bytes)); s.bytes.wait(l, now, bytes) > 0 {
			return false
		}
	}
	if l := r.Events; l != nil && !e.Ack {
		if s.events.wait(l, now, l.each) > 0 {
			return false
		}
		s.events.take(now, l.each)
	}
	if r.Bytes != nil {
		s.bytes.take(now, bytes)
	}
	return true
}

// turn keeps what the socket has used when rules change.
func (s *Socket) turn(r *Rules, now int64) {
	before := s.rules
	if before == nil {
		before = &Rules{}
	}
	s.events.turn(before.Events, r.Events, now)
	s.bytes.turn(before.Bytes, r.Bytes, now)
	byEvent := make([]bucket, len(r.ByEvent))
	for i := range r.ByEvent {
		if old, ok := before.index[r.ByEvent[i].Event]; ok {
			byEvent[i] = s.byEvent[old]
			byEvent[i].turn(before.ByEvent[old].Limit, r.ByEvent[i].Limit, now)
		}
	}
	s.byEvent, s.rules = byEvent, r
}

// MayTell reports whether the client is to be told now by an event that it is over a limit: at most
// once per second.
func (s *Socket) MayTell(now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now < s.quiet {
		return false
	}
	s.quiet = now + tellAfter
	return true
}

// FullAt is when all that was used is earned again, in Users.Now.
func (s *Socket) FullAt() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := max(s.events, s.bytes)
	for _, b := range s.byEvent {
		last = max(last, b)
	}
	return int64(last)
}

// Reopen makes a closed Socket that of another socket, which goes on with what the former has used.
// The user is as in NewSocket.
func (s *Socket) Reopen(user *User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.user = user
}

// Close releases the user. Closing again has no effect.
func (s *Socket) Close() {
	s.mu.Lock()
	user := s.user
	s.user = nil
	s.mu.Unlock()
	if user != nil {
		user.users.release(user)
	}
}
