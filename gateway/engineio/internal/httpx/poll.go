// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// fewPackets is the maximum number of packets in the answer to a poll whose client may be
// python-engineio, the engine of python-socketio, which drops the connection after more
// (Payload.max_decode_packets). A client with more packets to fetch polls again at once, and is
// answered at once.
const fewPackets = 16

// PollPackets returns how many packets a client accepts in the answer to a poll, according to the
// poll's stamp, its parameter t. python-engineio stamps its polls with a number, the time, or not
// at all. Stock JavaScript clients and their ports use stamps with other characters than digits,
// and accept any number of packets: at 50 ms per round trip, 16 at a time would be 320 per second.
func PollPackets(stamp string) int32 {
	if strings.Trim(stamp, "0123456789.") == "" {
		return fewPackets
	}
	return math.MaxInt32
}

// PollMark distinguishes a poll from a repeated one. Browsers and proxies repeat a GET whose
// connection breaks before the answer, without informing the client: it would continue without the
// messages of the lost answer, and neither side would know.
type PollMark struct{ stamp, address string }

// MarkPoll returns the mark of a poll with a stamp and a remote address. Stock clients stamp each
// poll with a new value, because of caches. An integer may be a clock that has not advanced, so it
// is not a stamp.
func MarkPoll(stamp, address string) PollMark {
	if strings.Trim(stamp, "0123456789") == "" {
		return PollMark{}
	}
	// A substring would keep the whole query in memory.
	return PollMark{strings.Clone(stamp), strings.Clone(address)}
}

// Repeats reports whether a poll repeats an earlier one on a new connection.
func (m PollMark) Repeats(earlier PollMark) bool {
	return earlier.stamp != "" && m.stamp == earlier.stamp && m.address != earlier.address
}

// SetPollHeaders begins the answer to a poll or post.
func SetPollHeaders(h http.Header, r *http.Request, contentType string, length int) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Cache-Control", "no-store")
	// Old versions of Internet Explorer mistake an answer that repeats parts of the request for an
	// attack.
	if agent := r.UserAgent(); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0")
	}
}

// Flush sends an answer to the client, if the ResponseWriter can: net/http would send it after the
// handler has returned, and report no error.
func Flush(w http.ResponseWriter) error {
	err := http.NewResponseController(w).Flush()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
