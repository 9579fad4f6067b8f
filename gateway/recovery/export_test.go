// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"context"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/eventlog/history"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// What the tests of whole gateways look at.
type (
	Record        = record
	Span          = span
	Session       = session
	Backlog       = backlog
	SentHistory   = historySent
	SessionReader = sessionReader
)

const (
	PIDLength           = pidLength
	LookupBatch         = lookupBatch
	FewReturning        = fewReturning
	MaxSessionData      = maxSessionData
	MaxSessionRooms     = maxSessionRooms
	MaxSessionRoomBytes = maxSessionRoomBytes
)

var (
	ErrSessionOver = errSessionOver
	DecodeSession  = decodeSession
)

func (s *Sessions) NATS() *nats.Conn                    { return s.host.NATS() }
func (s *Sessions) Config() Config                      { return s.config }
func (s *Sessions) Of(socket *socketio.Socket) *Session { return s.of(socket) }
func (s *Sessions) Get(pid string) *Session             { return s.find(pid) }
func (s *Sessions) Count() int                          { return len(s.all()) }
func (s *Sessions) Remove(n *Session)                   { s.remove(n) }
func (s *Sessions) TakesDeltas() bool                   { return s.host.PeersTakeDeltas() }

func (s *Sessions) ReadSession(ctx context.Context, subject string) (*Record, uint64, error) {
	return s.readSession(ctx, subject)
}

// FindError is the error of findSession.
func (s *Sessions) FindError(ctx context.Context, pid, namespace string, read SessionReader) error {
	_, err := s.findSession(ctx, pid, namespace, read)
	return err
}

// Returning counts a session among those that are being recovered.
func (s *Sessions) Returning(socketID string) (done func()) { return s.backlogs.begin(socketID) }

// LooksUpAlone, LookUpLast, LookupsWaiting and LookUpNext are those of lookups.
func (s *Sessions) LooksUpAlone() bool { return s.lookups.alone() }

func (s *Sessions) LookUpLast(ctx context.Context, subject string) (eventlog.Message, error) {
	return s.lookups.last(ctx, subject)
}

func (s *Sessions) LookUpNext() { s.lookups.next() }

func (s *Sessions) LookupsWaiting() int {
	s.lookups.mu.Lock()
	defer s.lookups.mu.Unlock()
	return len(s.lookups.waiting)
}

func (s *session) AfterStored(f func(error)) { s.afterStored(f) }
func (s *session) Number() uint64            { return s.number() }
func (s *session) Touch(room string)         { s.touch(room) }
func (s *session) Save()                     { s.save() }
func (s *session) SaveAndWait() error        { return s.saveAndWait() }
func (s *session) Abandon()                  { s.abandon() }

// Known is the session as its gateway knows it, and whether the next message may be a delta.
func (s *session) Known() (r *Record, takesDelta bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.record.clone(), s.chain.base != 0
}

// Self is the namespace that an adapter has its sessions from.
func (ns *Namespace) Self() *Namespace { return ns }

func (ns *Namespace) Histories() *history.Rooms { return ns.history }

// BacklogOf is the backlog of a pattern.
func (ns *Namespace) BacklogOf(pattern string) *Backlog { return ns.owner.backlogs.get(ns, pattern) }

// SendHistory begins to send the history of a room to a socket that is in it.
func (ns *Namespace) SendHistory(s *socketio.Socket) *SentHistory {
	return &historySent{namespace: ns, socket: s}
}

// JoinHeld puts a socket into a room, and holds what comes in until the history is sent.
func (ns *Namespace) JoinHeld(s *socketio.Socket, room string) (*SentHistory, error) {
	sent := ns.holdForHistory(s, []string{room})
	ns.base.Join(s, room)
	return sent, ns.sessionOf(s).saveRooms(room)
}

func (h *historySent) Read(rooms []string) ([]*eventlog.Message, error) { return h.read(rooms) }
func (h *historySent) Past(known []*eventlog.Message) socketio.Past     { return h.past(known) }

// Kept is the number of events that the histories of the rooms still have of what is to be sent.
func (h *historySent) Kept() (n int) {
	for _, part := range h.rooms {
		events, _ := part.Room.AppendPart(nil, part)
		n += len(events)
	}
	return n
}

func (h *historySent) IsReadAgain() bool { return len(h.again) > 0 }

// Finish sends it.
func (h *historySent) Finish(known []*eventlog.Message) {
	h.release(h.past(known))
	h.joined()
}

// Sequences are those of the events that a backlog has of a subject.
func (b *backlog) Sequences(ctx context.Context, subject string, part Span) (all []uint64, err error) {
	events, err := b.read(ctx, subject, part)
	for _, e := range events {
		all = append(all, e.number)
	}
	return all, err
}

// HoldReads has nobody read the log until it is called again.
func (b *backlog) HoldReads() (release func()) {
	b.reading <- struct{}{}
	return func() { <-b.reading }
}

// Wants reports whether sessions wait for all of a part.
func (b *backlog) Wants(part Span) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.wanted.covers(part) && !b.used.IsZero()
}
