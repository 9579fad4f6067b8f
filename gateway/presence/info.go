// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"bytes"
	"encoding/json"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// MaxInfo bounds what others see of a member, in bytes of JSON: each gateway stores it for each
// member.
const MaxInfo = 1024

// refreshInfos calls Config.Info for new members and for those that may have changed; after that
// they are members, and the changes are noted for clients and peers. The tracker is not locked
// during the calls.
func (t *Tracker) refreshInfos(r *room) {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	t.mu.Lock()
	newcomers, stale := make([]*member, 0, len(r.newcomers)), make([]*member, 0, len(r.stale))
	for _, m := range r.newcomers {
		// A middleware may have let it join, and another may still refuse it.
		if m.socket == nil || m.socket.Connected() {
			newcomers = append(newcomers, m)
		}
	}
	for _, m := range r.stale {
		stale = append(stale, m)
	}
	// Members that are touched from now on are asked for again.
	clear(r.stale)
	t.mu.Unlock()
	if len(newcomers)+len(stale) == 0 {
		return
	}
	views := make(map[*member]view, len(newcomers)+len(stale))
	for _, m := range newcomers {
		views[m] = t.view(m.socket, r.name)
	}
	for _, m := range stale {
		views[m] = t.view(m.socket, r.name)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if r.state == roomEnded {
		return
	}
	var members []*member
	for _, m := range newcomers {
		if r.newcomers[m.ID] != m {
			continue // it has left, or is asked for again
		}
		delete(r.newcomers, m.ID)
		m.Info = r.keep(views[m].info)
		members = append(members, m)
	}
	r.add(members)
	for _, m := range members {
		r.setBlind(m.ID, views[m].blind)
		r.forPeers.note(joined, m)
		r.arrived = append(r.arrived, m.ID)
	}
	for _, m := range stale {
		if r.members[m.ID] != m {
			continue
		}
		if r.blind[m.ID] && !views[m].blind {
			r.arrived = append(r.arrived, m.ID) // it has not been told of those who were there before
		}
		r.setBlind(m.ID, views[m].blind)
		if r.update(m, views[m].info) {
			r.forPeers.note(updated, m)
		}
	}
	t.notifySoon(r)
}

// view is what others see of a socket, and whether it sees nothing of them.
type view struct {
	info  json.RawMessage
	blind bool
}

func (t *Tracker) view(s *socketio.Socket, room string) view {
	c := t.config.Load()
	return view{t.info(s, room), c != nil && c.Sees != nil && s != nil && !c.Sees(s, room)}
}

// info returns what others see of a socket.
func (t *Tracker) info(s *socketio.Socket, room string) json.RawMessage {
	c := t.config.Load()
	if c == nil || c.Info == nil || s == nil {
		return nil
	}
	v := c.Info(s, room)
	if v == nil {
		return nil
	}
	info, err := encode(v)
	if err != nil || len(info) > MaxInfo {
		return nil // as documented
	}
	return info
}

// encode encodes JSON like JSON.stringify, without HTML escaping.
func encode(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil // without the buffer's spare capacity
}
