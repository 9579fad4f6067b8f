// SPDX-License-Identifier: Apache-2.0

package natsconn

import "sync/atomic"

// handedCredentials are a user and a password that arrive by another way than the files, and
// faster. They replace those in the files until these change: then the files are as new, or newer.
// If the files are older after all, because the kubelet is far behind, NATS refuses, and the
// operator, which sees that the gateway is disconnected, hands the newest over again. Safe for
// concurrent use; a nil one has none.
type handedCredentials struct {
	dir     string
	current atomic.Pointer[handed]
}

// handed has what was handed over, and what the files said at that time.
type handed struct {
	username, password string
	over               [2]string
}

func (h *handedCredentials) set(username, password string) {
	files := credentials{dir: h.dir}
	h.current.Store(&handed{username, password, [2]string{files.read(fileUsername), files.read(filePassword)}})
}

// instead returns the credentials to use, given those of the files.
func (h *handedCredentials) instead(username, password string) (string, string) {
	if h == nil {
		return username, password
	}
	current := h.current.Load()
	switch {
	case current == nil:
		return username, password
	case current.over != [2]string{username, password}:
		h.current.CompareAndSwap(current, nil)
		return username, password
	}
	return current.username, current.password
}
