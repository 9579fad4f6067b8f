// SPDX-License-Identifier: Apache-2.0

package presence

import (
	"encoding/json"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// DefaultInfoBytes bounds the infos of a tracker whose Config has no Budget.
	DefaultInfoBytes = 64 << 20
	// roomShare is the fraction of a budget that one room may take: one in roomShare.
	roomShare = 4
)

// Budget bounds the infos of all members that a gateway knows of, in bytes, over all its rooms and
// namespaces. One room may take a quarter. For members beyond it only the id is known. Safe for
// concurrent use.
type Budget struct {
	limit         int64
	used, refused atomic.Int64
}

// NewBudget returns a budget of that many bytes; DefaultInfoBytes if zero.
func NewBudget(bytes int) *Budget {
	if bytes == 0 {
		bytes = DefaultInfoBytes
	}
	return &Budget{limit: int64(bytes)}
}

// Used returns how many bytes infos take now.
func (b *Budget) Used() int64 { return b.used.Load() }

// Refused returns how many infos there was no room for.
func (b *Budget) Refused() int64 { return b.refused.Load() }

// keep counts an info as part of the room, and returns nil if there is no room for it. The caller
// holds mu, as for all methods below.
func (r *room) keep(info json.RawMessage) json.RawMessage {
	n := len(info)
	switch {
	case n == 0:
		return nil
	case int64(r.infoBytes+n) > r.budget.limit/roomShare || !r.budget.take(n):
		r.budget.refused.Add(1)
		return nil
	}
	r.infoBytes += n
	return info
}

func (b *Budget) take(n int) bool {
	if b.used.Add(int64(n)) <= b.limit {
		return true
	}
	b.used.Add(int64(-n))
	return false
}

// release returns the bytes of an info that the room does not keep any more.
func (r *room) release(info json.RawMessage) {
	n := min(len(info), r.infoBytes) // 0 for a room that has ended
	r.infoBytes -= n
	r.budget.used.Add(int64(-n))
}

// end ends the room, and returns its bytes.
func (r *room) end() {
	r.state = roomEnded
	r.budget.used.Add(int64(-r.infoBytes))
	r.infoBytes = 0
}

// Metrics are those of a budget.
func (b *Budget) Metrics() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "realtime_presence_info_bytes", Help: "Memory that what presenceInfo shows of members takes on this gateway.",
		}, func() float64 { return float64(b.Used()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "realtime_presence_infos_left_out_total",
			Help: "Times that there was no room for what presenceInfo shows of a member, of whom the id alone is seen.",
		}, func() float64 { return float64(b.Refused()) }),
	}
}
