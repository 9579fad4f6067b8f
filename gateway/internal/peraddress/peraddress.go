// SPDX-License-Identifier: Apache-2.0

// Package peraddress counts the sessions of each client address.
package peraddress

import "net/netip"

// networkBytes are what counts as one address of IPv6: a client has all 2^64 addresses that begin
// with them, and could use each of them once.
const networkBytes = 8

// Key is an address as it is counted: an IPv4 address, or the first 64 bits of an IPv6 address. The
// zero value is that of clients without an IP address, as on a Unix socket, which have no limit.
type Key [16]byte

// KeyOf returns the key of a remote address, with or without a port.
func KeyOf(remote string) Key {
	address, err := netip.ParseAddr(remote)
	if err != nil {
		withPort, err := netip.ParseAddrPort(remote)
		if err != nil {
			return Key{}
		}
		address = withPort.Addr()
	}
	key := Key(address.As16())
	if address.Unmap().Is6() {
		clear(key[networkBytes:])
		key[len(key)-1] = 1 // so that ::/64, with the loopback address, is not the zero value
	}
	return key
}

// Count are the sessions of an address.
type Count struct {
	// All sessions, and those of them that are not admitted.
	All, Unadmitted int32
}

// Counts are the sessions of all addresses. The zero value has none. Not safe for concurrent use.
type Counts struct {
	of         map[Key]Count
	unadmitted int
}

// Of returns the sessions of an address.
func (c *Counts) Of(k Key) Count { return c.of[k] }

// Unadmitted returns how many sessions of all addresses are not admitted.
func (c *Counts) Unadmitted() int { return c.unadmitted }

// Add counts another session, which is not admitted.
func (c *Counts) Add(k Key) { c.change(k, 1, 1) }

// Remove counts one session less.
func (c *Counts) Remove(k Key, admitted bool) {
	if admitted {
		c.change(k, -1, 0)
		return
	}
	c.change(k, -1, -1)
}

// Admit counts a session as admitted, or as not admitted any more.
func (c *Counts) Admit(k Key, admitted bool) {
	if admitted {
		c.change(k, 0, -1)
		return
	}
	c.change(k, 0, 1)
}

func (c *Counts) change(k Key, all, unadmitted int32) {
	c.unadmitted += int(unadmitted)
	if k == (Key{}) {
		return
	}
	count := c.of[k]
	count.All += all
	count.Unadmitted += unadmitted
	switch {
	case count.All == 0:
		delete(c.of, k)
	case c.of == nil:
		c.of = map[Key]Count{k: count}
	default:
		c.of[k] = count
	}
}
