// SPDX-License-Identifier: Apache-2.0

package engineio

import "github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"

// The revisions of the protocol, as the query parameter EIO names them. Socket.IO clients of 3.x and later speak 4, those of 1.x
// and 2.x speak 3.
const (
	protocol3 = 3
	protocol4 = 4
)

// protocol is the revision that a request speaks, 0 if it is none that is served. The reference implementation takes
// whatever is not 4 for 3 once it allows that; here an EIO that is missing or makes no sense is always refused.
func (r *request) protocol() int {
	if r.isWebTransport {
		return protocol4
	}
	switch r.query.Get("EIO") {
	case "4":
		return protocol4
	case "3":
		return protocol3
	}
	return 0
}

func (c *Config) speaks(protocol int) bool {
	return protocol == protocol4 || protocol == protocol3 && c.AllowEIO3
}

// base64 reports whether the client cannot take bytes.
func (r *request) base64() bool { return r.query.Get("b64") != "" }

// jsonpIndex is the index of the callback that a request wants to be called, if it comes by JSONP.
func (r *request) jsonpIndex() (index string, ok bool) {
	if r.protocol() != protocol3 || !r.query.Has("j") {
		return "", false
	}
	return packet.JSONPIndex(r.query.Get("j")), true
}
