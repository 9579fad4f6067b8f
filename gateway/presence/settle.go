// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"bytes"
	"encoding/json"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// MaxInfo is how many bytes of JSON others may see of a member: each gateway holds them for each member.
const MaxInfo = 1024

// settle asks for the info of those who have come and of those in whom something may have changed; then they are members, and
// it is noted for whom it concerns. The tracker is not locked while it asks.
func (t *Tracker) settle(r *room) {
	r.settling.Lock()
	defer r.settling.Unlock()
	t.mu.Lock()
	fresh, touched := make([]*member, 0, len(r.fresh)), make([]*member, 0, len(r.touched))
	for _, m := range r.fresh {
		// A middleware may have let it join, and another may refuse it yet.
		if m.socket == nil || m.socket.Connected() {
			fresh = append(fresh, m)
		}
	}
	for _, m := range r.touched {
		touched = append(touched, m)
	}
	// Who is touched from now on is asked again.
	clear(r.touched)
	t.mu.Unlock()
	if len(fresh)+len(touched) == 0 {
		return
	}
	infos := make(map[*member]json.RawMessage, len(fresh)+len(touched))
	for _, m := range fresh {
		infos[m] = t.info(m.socket, r.name)
	}
	for _, m := range touched {
		infos[m] = t.info(m.socket, r.name)
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if t.rooms[r.name] != r {
		return
	}
	var members []*member
	for _, m := range fresh {
		if r.fresh[m.ID] != m {
			continue // it has left, or is asked again
		}
		delete(r.fresh, m.ID)
		m.Info = r.keep(infos[m])
		members = append(members, m)
	}
	r.add(members)
	for _, m := range members {
		r.unsent.note(joined, m)
		r.arrived = append(r.arrived, m.ID)
	}
	for _, m := range touched {
		if r.members[m.ID] == m && r.update(m, infos[m]) {
			r.unsent.note(updated, m)
		}
	}
	t.tellSoon(r)
}

// info is what others see of a socket.
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

// encode writes JSON as JSON.stringify does, without HTML escaping.
func encode(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil // without the buffer's room for more
}
