// SPDX-License-Identifier: Apache-2.0

package quota

import (
	"errors"
	"strconv"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/ending"
	"github.com/realtime-operator/realtime-operator/gateway/limits"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// EventRateLimited tells a client that it is over a limit: {code, limit, retryAfter}.
const EventRateLimited = "rate_limited"

// Event reports whether an event is within the limits. If it is not, the client has been told, and
// nothing else is to be done with it. now is when it has come.
func (k *Keeper) Event(m *Meter, r *limits.Rules, now time.Time, ev *socketio.Event) bool {
	since := k.Users.Since(now)
	v := k.ask(m, r, since, ev.Socket(), limits.Event{Name: ev.Name, Bytes: len(ev.Name) + sizeOf(ev.Args)})
	if v.By == nil && v.Audited == nil {
		return true
	}
	return k.judged(m, v, since, ev.Socket(), ev)
}

// Ack is Event for an acknowledgement, which counts for the limits of bytes. Rules may be nil.
func (k *Keeper) Ack(m *Meter, r *limits.Rules, s *socketio.Socket, args socketio.Args) bool {
	if r == nil {
		return true
	}
	now := k.Users.Now()
	v := k.ask(m, r, now, s, limits.Event{Bytes: sizeOf(args), Ack: true})
	return k.judged(m, v, now, s, nil)
}

// ask charges an event to what its socket has used, or, if the client sends to a namespace that it
// has left, to what is left for the next socket: another one may go on with the former.
func (k *Keeper) ask(m *Meter, r *limits.Rules, now int64, s *socketio.Socket, e limits.Event) limits.Verdict {
	if !m.ended.Load() {
		return k.usedBy(m, s).Ask(r, now, e)
	}
	used := k.take(s)
	defer k.keep(s, used)
	return used.Ask(r, now, e)
}

// sizeOf returns the bytes of arguments with their attachments.
func sizeOf(args socketio.Args) int {
	n := len(args.JSON)
	for _, a := range args.Attachments {
		n += len(a)
	}
	return n
}

// judged does what a verdict says, and reports whether the event is accepted. The event is nil for
// an acknowledgement.
func (k *Keeper) judged(m *Meter, v limits.Verdict, now int64, s *socketio.Socket, ev *socketio.Event) bool {
	for _, l := range v.Audited {
		k.exceeded(l.Name, true, s)
	}
	if v.By == nil {
		return true
	}
	k.exceeded(v.By.Name, false, s)
	switch v.By.Action {
	case limits.Reject:
		k.tell(m, v, now, s, ev)
	case limits.Disconnect:
		s.InterruptFor(ending.Limit)
	}
	return false
}

// tell tells the client that an event is refused.
func (k *Keeper) tell(m *Meter, v limits.Verdict, now int64, s *socketio.Socket, ev *socketio.Event) {
	told := make([]byte, 0, 128)
	if ev != nil && ev.NeedsAck() {
		told = append(appendRefusal(append(told, `[{"error":`...), v), "}]"...)
		_ = ev.Ack(socketio.Args{JSON: told}) // a client that has left needs no answer
		return
	}
	if m.ended.Load() || !k.usedBy(m, s).MayTell(now) {
		return
	}
	told = append(appendRefusal(append(told, '['), v), ']')
	err := s.EmitArgs(EventRateLimited, socketio.Args{JSON: told})
	if err != nil && !errors.Is(err, socketio.ErrDisconnected) {
		k.log.Debug("a client is not told that it is over a limit", s.LogAttr(), "error", err)
	}
}

// appendRefusal appends what clients are told. The wait is rounded up to milliseconds.
func appendRefusal(buf []byte, v limits.Verdict) []byte {
	buf = append(buf, `{"code":"rate_limited","limit":"`...)
	buf = append(buf, v.By.Name...) // letters, dots and brackets
	buf = append(buf, `","retryAfter":`...)
	buf = strconv.AppendInt(buf, int64((v.RetryAfter+time.Millisecond-1)/time.Millisecond), 10)
	return append(buf, '}')
}
