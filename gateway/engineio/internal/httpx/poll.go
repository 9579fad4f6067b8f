// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
)

// fewPackets is the most packets in the answer to a poll whose client may be python-engineio, the
// engine of python-socketio, which drops the connection for more (Payload.max_decode_packets). A
// client with more to fetch polls again at once, and is answered at once.
const fewPackets = 16

// PollPackets is how many packets a client takes in the answer to a poll, by the stamp of that, its
// parameter t. python-engineio stamps its polls with a number, the time, or not at all. Stock
// JavaScript clients, and clients made after them, stamp them with more than digits, and take any
// number of packets: at 50 ms a round trip, 16 at a time would be 320 a second.
func PollPackets(stamp string) int32 {
	if strings.Trim(stamp, "0123456789.") == "" {
		return fewPackets
	}
	return math.MaxInt32
}

// PollMark tells a poll from one that is sent again. Browsers and proxies repeat a GET whose
// connection breaks before the answer, without telling the client: it would go on without the
// messages of the answer that is lost, and neither side would know.
type PollMark struct{ stamp, address string }

// MarkPoll is the mark of a poll, by its stamp and its remote address. Stock clients stamp each
// poll against caches, with a value that is new each time. An integer may be a clock that has not
// moved on, so it is no stamp.
func MarkPoll(stamp, address string) PollMark {
	if strings.Trim(stamp, "0123456789") == "" {
		return PollMark{}
	}
	// A part of the query would keep all of it.
	return PollMark{strings.Clone(stamp), strings.Clone(address)}
}

// Repeats reports whether a poll is an earlier one, sent again by a new connection.
func (m PollMark) Repeats(earlier PollMark) bool {
	return earlier.stamp != "" && m.stamp == earlier.stamp && m.address != earlier.address
}

// SetPollHeaders begins the answer to a poll or post.
func SetPollHeaders(h http.Header, r *http.Request, contentType string, length int) {
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Cache-Control", "no-store")
	// Old Internet Explorers would see an attack in an answer that repeats what was sent.
	if agent := r.UserAgent(); strings.Contains(agent, ";MSIE") || strings.Contains(agent, "Trident/") {
		h.Set("X-XSS-Protection", "0")
	}
}

// Flush writes an answer to the client, where the ResponseWriter can: net/http would write it when
// the handler has returned, and tell nobody if it cannot.
func Flush(w http.ResponseWriter) error {
	err := http.NewResponseController(w).Flush()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
