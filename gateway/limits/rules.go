// SPDX-License-Identifier: Apache-2.0

package limits

import "time"

// Rules are the limits of a service. They do not change. What is nil is not limited.
type Rules struct {
	// Events and Bytes are those of a socket.
	Events, Bytes *Limit
	// ByEvent has those of single events, in the manifest's order.
	ByEvent []NamedLimit
	// UserEvents and UserBytes are those of a user.
	UserEvents, UserBytes *Limit
	// Connections is how many a user may have; 0: any number.
	Connections int
	// ConnectionsAudit admits everybody.
	ConnectionsAudit bool
	// index has the places of ByEvent by name.
	index map[string]int
}

// NamedLimit is a limit for the events of a name.
type NamedLimit struct {
	Event string
	Limit *Limit
}

// LimitConnections is the name of the limit of Connections.
const LimitConnections = "perUser.connections"

// Prepare returns the rules, ready for use; nil if there is nothing to ask at an event or a
// connection.
func (r Rules) Prepare() *Rules {
	if r.Events == nil && r.Bytes == nil && len(r.ByEvent) == 0 && !r.limitsUsers() && r.Connections == 0 {
		return nil
	}
	for _, l := range []*Limit{r.Events, r.Bytes, r.UserEvents, r.UserBytes} {
		l.prepare()
	}
	if len(r.ByEvent) > 0 {
		r.index = make(map[string]int, len(r.ByEvent))
		for i := range r.ByEvent {
			r.index[r.ByEvent[i].Event] = i
			r.ByEvent[i].Limit.prepare()
		}
	}
	return &r
}

// limitsUsers reports whether users have a rate.
func (r *Rules) limitsUsers() bool { return r.UserEvents != nil || r.UserBytes != nil }

// named returns the place of an event in ByEvent.
func (r *Rules) named(event string) (place int, ok bool) {
	if len(r.index) == 0 {
		return 0, false
	}
	place, ok = r.index[event]
	return place, ok
}

// Names are those of all limits.
func (r *Rules) Names() []string {
	if r == nil {
		return nil
	}
	var names []string
	for _, l := range []*Limit{r.Events, r.Bytes, r.UserEvents, r.UserBytes} {
		if l != nil {
			names = append(names, l.Name)
		}
	}
	for i := range r.ByEvent {
		names = append(names, r.ByEvent[i].Limit.Name)
	}
	if r.Connections > 0 {
		names = append(names, LimitConnections)
	}
	return names
}

// Event is what a client has sent.
type Event struct {
	Name string
	// Bytes are those of the name and the arguments, with all attachments.
	Bytes int
	// Ack: it is an acknowledgement, which counts for bytes alone.
	Ack bool
}

// Verdict is what becomes of an Event.
type Verdict struct {
	// By is the limit that refuses the event, the strictest if there are several; nil: it is
	// accepted.
	By *Limit
	// RetryAfter is when it would be accepted, if nothing else came before.
	RetryAfter time.Duration
	// Audited are the limits in mode Audit that it is over.
	Audited []*Limit
}

// question is an event's charge to a bucket.
type question struct {
	limit  *Limit
	bucket *bucket
	// n events or bytes are earned in the time cost.
	n, cost int64
	over    bool
}

// questions are the charges of one event.
type questions struct {
	all [5]question
	n   int
}

func (q *questions) addEvent(l *Limit, b *bucket) {
	if l != nil {
		q.all[q.n] = question{limit: l, bucket: b, n: 1, cost: l.each}
		q.n++
	}
}

func (q *questions) addBytes(l *Limit, b *bucket, n int) {
	if l != nil {
		q.all[q.n] = question{limit: l, bucket: b, n: int64(n), cost: l.time(int64(n))}
		q.n++
	}
}

func (q *questions) judge(now int64) (v Verdict) {
	for i := range q.all[:q.n] {
		one := &q.all[i]
		wait := one.bucket.wait(one.limit, now, one.cost)
		one.over = wait > 0
		switch {
		case !one.over:
		case one.limit.Audit:
			v.Audited = append(v.Audited, one.limit)
		default:
			if v.By == nil || one.limit.Action > v.By.Action {
				v.By = one.limit
			}
			v.RetryAfter = max(v.RetryAfter, time.Duration(wait))
		}
	}
	return v
}

// charge takes what was judged. An audited limit that was exceeded is not charged, as if it had
// refused.
func (q *questions) charge(now int64) {
	for i := range q.all[:q.n] {
		if one := &q.all[i]; !one.over {
			one.bucket.take(now, one.cost)
		}
	}
}

// charged returns what was taken from a bucket.
func (q *questions) charged(b *bucket) int64 {
	for i := range q.all[:q.n] {
		if one := &q.all[i]; one.bucket == b && !one.over {
			return one.n
		}
	}
	return 0
}
