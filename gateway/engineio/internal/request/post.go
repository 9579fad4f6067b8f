// SPDX-License-Identifier: Apache-2.0

package request

import (
	"errors"
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/httpx"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/packet"
)

var errBinaryContent = errors.New("binary content is not of this version of the protocol")

// ReadBody reads the body of a POST, of at most limit bytes. Its error is a *http.MaxBytesError for
// one that is too large.
func (r *Request) ReadBody(w http.ResponseWriter, limit int64) ([]byte, error) {
	if r.Protocol() == packet.Protocol4 && httpx.HasBytes(r.Request) {
		return nil, errBinaryContent
	}
	return httpx.ReadBody(w, r.Request, limit)
}

// Decode decodes the packets in the body of a POST, like packet.DecodePayload.
func (r *Request) Decode(body []byte, yield func(packet.Packet) bool) error {
	if r.Protocol() != packet.Protocol3 {
		return packet.DecodePayload(body, yield)
	}
	if httpx.HasBytes(r.Request) {
		return packet.DecodeBinaryPayload3(body, yield)
	}
	if _, ok := r.JSONP(); ok {
		var err error
		if body, err = packet.UnwrapJSONP(body); err != nil {
			return err
		}
	}
	return packet.DecodePayload3(body, yield)
}
