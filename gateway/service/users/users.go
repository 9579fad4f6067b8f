// SPDX-License-Identifier: Apache-2.0

// Package users knows how the users of a namespace are addressed: which entries of
// spec.authentication they are known by, and whether their sockets are in their rooms.
package users

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// Users are those of a namespace. It does not change.
type Users struct {
	// entries are those of spec.authentication that the namespace names.
	entries []string
	// Addressed reports whether sockets are in the rooms of their users.
	Addressed bool
}

// Of returns the users of a namespace with these entries and handlers. addressed is its
// addressUsers; api reports whether the service has spec.api.
func Of(entries []string, addressed *bool, handlers []v1alpha1.Handler, api bool) Users {
	u := Users{entries: entries, Addressed: api}
	if addressed != nil {
		u.Addressed = *addressed
	}
	u.Addressed = len(entries) > 0 && (u.Addressed || v1alpha1.EmitToUsers(handlers))
	return u
}

// maxName is how long the name of a user may be, in bytes: longer ones have no identity, and take
// time to hash.
const maxName = 16 << 10

// Rooms returns the rooms of users of an entry; "" is the namespace's only one. A name that is
// empty, or longer than one may be, is nobody's. The error says what to change.
func (u Users) Rooms(entry string, names []string) ([]string, error) {
	switch {
	case len(u.entries) == 0:
		return nil, errors.New("the namespace has no authentication, so that it has no users")
	case !u.Addressed:
		return nil, errors.New("users of the namespace are not addressed: set its addressUsers")
	case entry == "" && len(u.entries) > 1:
		return nil, fmt.Errorf("users are those of an entry: name one of %q", u.entries)
	case entry == "":
		entry = u.entries[0]
	case !slices.Contains(u.entries, entry):
		return nil, fmt.Errorf("the namespace has no entry %.64q, but %q", entry, u.entries)
	}
	rooms := make([]string, 0, len(names))
	for _, name := range names {
		if name != "" && len(name) <= maxName {
			rooms = append(rooms, userroom.Of(entry, name))
		}
	}
	return rooms, nil
}

// Complete adds the room of a socket's user to rooms that the socket joins, if it is to be in it
// and is not: the manifest has changed while it connected, or its session is older.
func (u Users) Complete(s *socketio.Socket, rooms []string) []string {
	if room := u.missing(s); room != "" {
		return append(slices.Clip(rooms), room)
	}
	return rooms
}

// missing returns the room of a socket's user, if the socket is to be in it, and is not; otherwise
// "".
func (u Users) missing(s *socketio.Socket) string {
	if !u.Addressed {
		return ""
	}
	room := s.Identity().Room()
	if room == "" || s.Namespace().Adapter().Contains(s, room) {
		return ""
	}
	return room
}

// joinsAtOnce bounds how many sockets join the rooms of their users at the same time.
const joinsAtOnce = 64

// JoinLate has the sockets of a namespace that are there join the rooms of their users, if these
// were not addressed before. It does not wait for that.
func (u Users) JoinLate(before bool, ns *socketio.Namespace, log *slog.Logger) {
	if u.Addressed && !before {
		go u.joinAll(ns, log)
	}
}

func (u Users) joinAll(ns *socketio.Namespace, log *slog.Logger) {
	var group errgroup.Group
	group.SetLimit(joinsAtOnce)
	for _, s := range ns.Sockets() {
		if room := u.missing(s); room != "" {
			group.Go(func() error {
				if err := s.Join(room); err != nil && !errors.Is(err, socketio.ErrDisconnected) {
					return fmt.Errorf("socket %s: %w", s.ID(), err)
				}
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		log.Warn("a client is not reached by the name of its user", "namespace", ns.Name(), "error", err)
	}
}
