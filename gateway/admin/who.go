// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"cmp"
	"maps"
	"net/http"
	"slices"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func (s *Server) serveWho(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	most, err := number(query, "limit", 1000, gatewayadmin.MaxMembers)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	name, room := query.Get("namespace"), query.Get("room")
	found := gatewayadmin.Members{Members: []gatewayadmin.Member{}}
	s.EachNamespace(func(ns *socketio.Namespace) {
		if ns.Name() != name {
			return
		}
		for _, socket := range ns.Sockets() {
			if room != "" && !ns.Adapter().Contains(socket, room) {
				continue
			}
			if found.Total++; found.Total <= most {
				found.Members = append(found.Members, member(socket))
			}
		}
	})
	slices.SortFunc(found.Members, func(a, b gatewayadmin.Member) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Socket, b.Socket))
	})
	answer(w, found)
}

// member describes a socket. Of the handshake it has neither headers nor the auth payload, which
// have secrets.
func member(s *socketio.Socket) gatewayadmin.Member {
	handshake := s.Handshake()
	entry, user := userOf(s)
	return gatewayadmin.Member{
		Socket: s.ID(), Namespace: s.Namespace().Name(), Entry: entry, User: user,
		Transport: s.Transport(), Address: handshake.Address, Since: handshake.Time,
		Rooms: len(slices.DeleteFunc(s.Rooms(), func(room string) bool { return room == s.ID() })),
	}
}

// userOf returns the entry and the user of a socket; empty for an anonymous client.
func userOf(s *socketio.Socket) (entry, user string) {
	if id := s.Identity(); id != nil {
		return id.Provider, id.User
	}
	return "", ""
}

func (s *Server) serveTop(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	most, err := number(query, "limit", 100, gatewayadmin.MaxTop)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	counts := map[gatewayadmin.Item]int{}
	switch of := query.Get("of"); of {
	case "rooms":
		s.EachNamespace(func(ns *socketio.Namespace) {
			for room, members := range ns.Rooms() {
				counts[gatewayadmin.Item{Namespace: ns.Name(), Room: room}] += members
			}
		})
	case "users":
		s.EachNamespace(func(ns *socketio.Namespace) {
			for _, socket := range ns.Sockets() {
				if entry, user := userOf(socket); user != "" {
					counts[gatewayadmin.Item{Entry: entry, User: user}]++
				}
			}
		})
	default:
		http.Error(w, "of must be rooms or users", http.StatusBadRequest)
		return
	}
	answer(w, top(counts, most))
}

// top returns the items with the most sockets.
func top(counts map[gatewayadmin.Item]int, most int) gatewayadmin.Top {
	items := slices.AppendSeq(make([]gatewayadmin.Item, 0, len(counts)), maps.Keys(counts))
	for i := range items {
		items[i].Sockets = counts[items[i]]
	}
	slices.SortFunc(items, func(a, b gatewayadmin.Item) int {
		return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Room, b.Room),
			cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.User, b.User))
	})
	t := gatewayadmin.Top{Items: items, Total: len(items)}
	if len(items) > most {
		t.Items, t.Next = items[:most], items[most].Sockets
	}
	return t
}
