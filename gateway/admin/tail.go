// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// aUser stands for the room of a user, of whose name it has only a hash.
const aUser = "(a user)"

// tap tells all tails what is emitted. While there is none, nobody is told.
type tap struct {
	watch func(func(namespace string, d *socketio.Delivery))

	mu    sync.RWMutex
	tails map[*tail]struct{} // guarded by mu
}

// tail is one of those who want to know what is emitted to a room, or to a whole namespace.
type tail struct {
	*sample
	namespace, room string
}

func (p *tap) add(t *tail) (remove func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tails) == 0 {
		p.tails = map[*tail]struct{}{}
		p.watch(p.emitted)
	}
	p.tails[t] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if delete(p.tails, t); len(p.tails) == 0 {
			p.watch(nil)
		}
	}
}

func (p *tap) emitted(namespace string, d *socketio.Delivery) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for t := range p.tails {
		if t.wants(namespace, d) {
			t.take(func() gatewayadmin.Line { return t.line(namespace, d) })
		}
	}
}

// wants reports whether an event reaches the room.
func (t *tail) wants(namespace string, d *socketio.Delivery) bool {
	return namespace == t.namespace && (t.room == "" || d.Rooms == nil || slices.Contains(d.Rooms, t.room))
}

func (t *tail) line(namespace string, d *socketio.Delivery) gatewayadmin.Line {
	name, args := parts(namespace, d)
	size := len(d.Text)
	for _, attachment := range d.Attachments {
		size += len(attachment)
	}
	rooms := slices.Clone(d.Rooms)
	for i := range rooms {
		if userroom.Is(rooms[i]) {
			rooms[i] = aUser
		}
	}
	return gatewayadmin.Line{
		Kind: gatewayadmin.KindEmitted, Namespace: namespace, Rooms: rooms, Event: name, Bytes: size, Args: t.cut(args),
	}
}

// parts returns the event and the arguments of an encoded packet, in the form that clients get: as
// text, 2/chat,["event",…], or, with the parser msgpack, as its only attachment. They are empty if
// it has another form.
func parts(namespace string, d *socketio.Delivery) (name string, args []byte) {
	var list []json.RawMessage
	if len(d.Text) > 0 {
		text := d.Text
		if namespace != "/" { // which may have a bracket in its name
			_, text, _ = bytes.Cut(text, []byte(namespace+","))
		}
		_, text, _ = bytes.Cut(text, []byte("["))
		if json.Unmarshal(slices.Concat([]byte("["), text), &list) != nil {
			return "", nil
		}
	} else if len(d.Attachments) == 1 {
		var packet struct {
			Data []any `msgpack:"data"`
		}
		if msgpack.Unmarshal(d.Attachments[0], &packet) != nil {
			return "", nil
		}
		for _, value := range packet.Data {
			data, err := json.Marshal(value)
			if err != nil {
				data = []byte("null")
			}
			list = append(list, data)
		}
	}
	if len(list) == 0 || json.Unmarshal(list[0], &name) != nil {
		return "", nil
	}
	args, _ = json.Marshal(list[1:]) // it is JSON
	return name, args
}

func (s *Server) serveTail(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	s.stream(w, r, func(_ context.Context, sampled *sample) (end func()) {
		return s.tap.add(&tail{sample: sampled, namespace: query.Get("namespace"), room: query.Get("room")})
	})
}
