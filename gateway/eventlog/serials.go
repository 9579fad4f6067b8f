// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// windowBits is the size of a window. The oldest message that a gateway may send again is at most
// an outbox behind the newest: outbox.MaxMessages events, and as many session records.
const windowBits = 2 * outbox.MaxMessages

// windowsKept is how many windows of unreachable or lost gateways are kept, of 16 KiB each.
const windowsKept = 64

// serials stores which messages of each gateway were delivered here, by their serial numbers: a
// message that is stored a second time, because the log was lost or because JetStream has forgotten
// its id, is delivered once. Only the loop uses it.
type serials struct {
	// prefix is the prefix of the ids of all gateways of the service.
	prefix  string
	windows map[string]*window // by gateway
	// clock counts messages, and orders the windows by their last use.
	clock uint64
	// alive returns the live gateways.
	alive func() []string
}

// window has the last serial numbers of one gateway.
type window struct {
	highest uint64
	used    uint64
	bits    [windowBits / 64]uint64
}

func newSerials(acks, gateway string, alive func() []string) *serials {
	return &serials{prefix: strings.TrimSuffix(acks[len(wire.LiveRoot):], gateway+"."), windows: map[string]*window{}, alive: alive}
}

// first reports whether a message is delivered for the first time. It returns true for a message
// without an id of a gateway.
func (s *serials) first(id string) bool {
	rest, ours := strings.CutPrefix(id, s.prefix)
	if !ours {
		return true
	}
	gateway, digits, _ := strings.Cut(rest, ".")
	serial, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return true
	}
	w := s.windows[gateway]
	if w == nil {
		s.forget()
		w = &window{}
		s.windows[gateway] = w
	}
	s.clock++
	w.used = s.clock
	return w.add(serial)
}

// add adds a number, and returns false if it is in the window already.
func (w *window) add(serial uint64) bool {
	switch {
	case serial > w.highest:
		if serial-w.highest >= windowBits {
			clear(w.bits[:])
		} else {
			for n := w.highest + 1; n < serial; n++ {
				w.bits[n%windowBits/64] &^= 1 << (n % 64)
			}
		}
		w.highest = serial
	case w.highest-serial >= windowBits:
		return true // no gateway sends it again
	case w.bits[serial%windowBits/64]&(1<<(serial%64)) != 0:
		return false
	}
	w.bits[serial%windowBits/64] |= 1 << (serial % 64)
	return true
}

// forget drops windows of lost gateways, except those used last: an unreachable gateway may come
// back.
func (s *serials) forget() {
	if len(s.windows) <= windowsKept {
		return
	}
	alive := s.alive()
	for excess := len(s.windows) - len(alive) - windowsKept; excess > 0; excess-- {
		oldest := ""
		for id, w := range s.windows {
			if !slices.Contains(alive, id) && (oldest == "" || w.used < s.windows[oldest].used) {
				oldest = id
			}
		}
		delete(s.windows, oldest)
	}
}
