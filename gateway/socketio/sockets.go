// SPDX-License-Identifier: Apache-2.0

package socketio

// socketSet is a connection's sockets by their namespaces. Most connections have one, which needs no map.
type socketSet struct {
	first  *Socket
	others map[string]*Socket
}

// get is the socket in a namespace; nil if there is none.
func (c *socketSet) get(namespace string) *Socket {
	if c.first != nil && c.first.namespace.name == namespace {
		return c.first
	}
	return c.others[namespace]
}

// put takes the place of the one that was in the namespace before.
func (c *socketSet) put(s *Socket) {
	if c.first == nil || c.first.namespace.name == s.namespace.name {
		c.first = s
		return
	}
	if c.others == nil {
		c.others = map[string]*Socket{}
	}
	c.others[s.namespace.name] = s
}

func (c *socketSet) len() int {
	if c.first == nil {
		return 0 // the others come behind the first
	}
	return 1 + len(c.others)
}

// all lists them.
func (c *socketSet) all() []*Socket {
	sockets := make([]*Socket, 0, c.len())
	if c.first != nil {
		sockets = append(sockets, c.first)
	}
	for _, s := range c.others {
		sockets = append(sockets, s)
	}
	return sockets
}

// forgetClosed forgets those that have left their namespace, but for the first.
func (c *socketSet) forgetClosed() {
	for name, s := range c.others {
		if s.state.Load() == stateClosed {
			delete(c.others, name)
		}
	}
}
