// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"time"
)

// Key stands for a user. Nobody can find another user with the same key.
type Key [16]byte

// KeyOf returns the key of a user, of somebody who names users.
func KeyOf(provider, user string) Key {
	data := binary.AppendUvarint(make([]byte, 0, 64), uint64(len(provider)))
	sum := sha256.Sum256(append(append(data, provider...), user...))
	return Key(sum[:16])
}

// Users count what the users of a service do, on this gateway and, once Join is called, on others.
// Safe for concurrent use.
type Users struct {
	clock func() time.Time
	begin time.Time
	// gateways is how many there are, with this one.
	gateways atomic.Int64
	exchange exchange

	mu    sync.Mutex
	rules *Rules        // guarded by mu
	byKey map[Key]*User // guarded by mu
	// idle have no sockets any more, and owe something. Guarded by mu.
	idle map[Key]*User
	// elsewhere has the connections that other gateways report. Guarded by mu.
	elsewhere map[Key][]report
	beats     int // guarded by mu
}

// User is a user who has sockets here, or has had. A *User is held by sockets and connections.
type User struct {
	key   Key
	users *Users

	// holders, connections and reported are guarded by users.mu. reported: other gateways have been
	// told of connections.
	holders     int
	connections []connection
	reported    bool

	mu            sync.Mutex
	rules         *Rules // those that the buckets are for; guarded by mu
	events, bytes shared // guarded by mu
	// sharedUntil is until when the user is reported; see package. Guarded by mu.
	sharedUntil int64
}

// NewUsers returns Users of a single gateway. clock is time.Now except in tests.
func NewUsers(clock func() time.Time) *Users {
	u := &Users{
		clock: clock, begin: clock(), rules: &Rules{},
		byKey: map[Key]*User{}, idle: map[Key]*User{}, elsewhere: map[Key][]report{},
	}
	u.gateways.Store(1)
	return u
}

// Now returns the time, in nanoseconds since the Users were made. It does not jump.
func (u *Users) Now() int64 { return int64(u.clock().Sub(u.begin)) }

// Since is Now for a time that was read before.
func (u *Users) Since(t time.Time) int64 { return int64(t.Sub(u.begin)) }

// Len returns the number of users that are counted on this gateway.
func (u *Users) Len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.byKey)
}

// Hold returns a user, whom the caller releases.
func (u *Users) Hold(key Key) *User {
	u.mu.Lock()
	defer u.mu.Unlock()
	user := u.user(key)
	user.holders++
	return user
}

// user is called with the lock held.
func (u *Users) user(key Key) *User {
	user := u.byKey[key]
	if user == nil {
		user = &User{key: key, users: u}
		u.byKey[key] = user
	}
	delete(u.idle, key)
	return user
}

func (u *Users) release(user *User) {
	u.mu.Lock()
	defer u.mu.Unlock()
	user.holders--
	u.letGo(user)
}

// letGo forgets a user whom nobody needs. The lock is held. One who owes something is kept until
// that is earned: otherwise a user could connect again to have a full burst.
func (u *Users) letGo(user *User) {
	switch {
	case user.holders > 0 || len(user.connections) > 0:
	case user.owes(u.Now()):
		u.idle[user.key] = user
	default:
		delete(u.byKey, user.key)
		delete(u.idle, user.key)
	}
}

func (user *User) owes(now int64) bool {
	user.mu.Lock()
	defer user.mu.Unlock()
	return int64(user.events.bucket) > now || int64(user.bytes.bucket) > now || user.events.unreported+user.bytes.unreported > 0
}

// ask judges an event by the limits of the user and the others. It is charged to all or none.
func (user *User) ask(q *questions, r *Rules, now int64, e Event) Verdict {
	user.mu.Lock()
	defer user.mu.Unlock()
	if user.rules != r {
		user.turn(r, now)
	}
	q.addBytes(r.UserBytes, &user.bytes.bucket, e.Bytes)
	if !e.Ack {
		q.addEvent(r.UserEvents, &user.events.bucket)
	}
	v := q.judge(now)
	if v.By != nil {
		return v
	}
	q.charge(now)
	if n := user.users.gateways.Load(); n > 1 {
		user.used(r, n, now, q.charged(&user.events.bucket), q.charged(&user.bytes.bucket))
	}
	return v
}

// turn keeps what the user has used when rules change. The lock is held.
func (user *User) turn(r *Rules, now int64) {
	before := user.rules
	if before == nil {
		before = &Rules{}
	}
	user.events.turn(before.UserEvents, r.UserEvents, now)
	user.bytes.turn(before.UserBytes, r.UserBytes, now)
	user.rules = r
}

// used decides whether others are told what the user has used. The lock is held.
func (user *User) used(r *Rules, gateways, now, events, bytes int64) {
	over := user.events.use(r.UserEvents, gateways, now, events)
	over = user.bytes.use(r.UserBytes, gateways, now, bytes) || over
	switch isShared := now < user.sharedUntil; {
	case isShared:
		user.events.unreported += events
		user.bytes.unreported += bytes
	case over:
		user.share(r, gateways, now)
	default:
		return
	}
	if over {
		user.sharedUntil = now + int64(sharedFor)
	}
	user.users.exchange.report(user)
}

// share begins to report the user: first, what the fair share has not earned yet. The lock is held.
func (user *User) share(r *Rules, gateways, now int64) {
	user.sharedUntil = now + int64(sharedFor)
	user.events.begin(r.UserEvents, gateways, now)
	user.bytes.begin(r.UserBytes, gateways, now)
}

// hear charges what another gateway reports.
func (user *User) hear(r *Rules, gateways, now int64, e *entry) {
	user.mu.Lock()
	defer user.mu.Unlock()
	if user.rules != r {
		user.turn(r, now)
	}
	if now >= user.sharedUntil {
		user.share(r, gateways, now)
		if user.events.unreported+user.bytes.unreported > 0 {
			user.users.exchange.report(user)
		}
	}
	user.sharedUntil = now + int64(sharedFor)
	user.events.hear(r.UserEvents, gateways, now, e.events)
	user.bytes.hear(r.UserBytes, gateways, now, e.bytes)
}

// takeUnreported returns what others are to be told.
func (user *User) takeUnreported() (events, bytes int64) {
	user.mu.Lock()
	defer user.mu.Unlock()
	events, bytes = user.events.unreported, user.bytes.unreported
	user.events.unreported, user.bytes.unreported = 0, 0
	return events, bytes
}

// shared is a bucket that gateways share.
type shared struct {
	bucket
	// fair is a bucket with the gateway's share of rate and burst.
	fair bucket
	// unreported is what other gateways do not know.
	unreported int64
}

// use reports whether the fair share is exceeded.
func (s *shared) use(l *Limit, gateways, now, n int64) (over bool) {
	if l == nil {
		return false
	}
	s.fair = bucket(max(int64(s.fair), now) + gateways*l.time(n))
	return int64(s.fair)-now > l.full
}

// begin has others told what the fair share owes.
func (s *shared) begin(l *Limit, gateways, now int64) {
	if l != nil {
		s.unreported = s.fair.owed(l, now) / gateways
	}
}

// hear takes what another gateway reports, up to what so many gateways may have let through in a
// second.
func (s *shared) hear(l *Limit, gateways, now, n int64) {
	if l == nil {
		return
	}
	s.take(now, l.time(n))
	most := gateways * (l.full + int64(time.Second))
	s.bucket = min(s.bucket, bucket(now+most))
}

func (s *shared) turn(from, to *Limit, now int64) {
	s.bucket.turn(from, to, now)
	s.fair.turn(from, to, now)
	if to == nil {
		s.unreported = 0
	}
}
