// SPDX-License-Identifier: Apache-2.0

package socketio

// Within calls f with the namespace of a name, and reports whether there is one. A dynamic namespace that has no socket on this
// server is there for the call: it reaches those on other servers, and is removed afterwards where
// Options.CleanupEmptyChildNamespaces says so. Functions of OfFunc are asked with the Handshake of nobody.
func (s *Server) Within(name string, f func(*Namespace)) bool {
	ns := s.enter(name, func() *Handshake { return &Handshake{} })
	if ns == nil {
		return false
	}
	defer ns.leave()
	f(ns)
	return true
}
