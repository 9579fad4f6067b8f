// SPDX-License-Identifier: Apache-2.0

// Package ending counts how connections end. What a client is told of the end, its reason, does not
// say whose idea it was: a client that is to reconnect elsewhere is told the same as one whose
// connection is lost. The cause does.
package ending

import "sync/atomic"

// Cause is why a connection has ended. Its zero value means that the reason says it.
type Cause uint8

// The causes.
const (
	// ByReason: the reason of the end is the cause.
	ByReason Cause = iota
	// Client and network.
	TransportClose
	TransportError
	PingTimeout
	ParseError
	SlowConsumer
	// The service's rules and programs.
	ForcedClose
	Unadmitted
	Token
	Limit
	// The server: clients reconnect, and would not have without it.
	Drain
	Rollout
	Rebalance
	LogGap
	Unavailable
	Shutdown
	// Other: a reason of a program's own.
	Other

	causes = iota
)

var names = [causes]string{
	TransportClose: "transport_close", TransportError: "transport_error", PingTimeout: "ping_timeout", ParseError: "parse_error",
	SlowConsumer: "slow_consumer", ForcedClose: "forced_close", Unadmitted: "unadmitted", Token: "token", Limit: "limit",
	Drain: "drain", Rollout: "rollout", Rebalance: "rebalance", LogGap: "log_gap", Unavailable: "unavailable",
	Shutdown: "shutdown", Other: "other",
}

// byReason has the causes by the reasons that package engineio and the reference implementation
// give.
var byReason = map[string]Cause{
	"transport close": TransportClose, "transport error": TransportError, "ping timeout": PingTimeout, "parse error": ParseError,
	"slow consumer": SlowConsumer, "forced close": ForcedClose, "forced server close": ForcedClose, "server shutting down": Shutdown,
}

// String returns the cause as the value of a label.
func (c Cause) String() string { return names[c] }

// All lists the causes that are counted.
func All() []Cause {
	all := make([]Cause, 0, causes-1)
	for c := TransportClose; c < causes; c++ {
		all = append(all, c)
	}
	return all
}

// Counts counts connections of one server. The zero value is ready. Safe for concurrent use.
type Counts struct {
	opened atomic.Uint64
	ended  [causes]atomic.Uint64
}

// Open counts a connection that has begun.
func (c *Counts) Open() { c.opened.Add(1) }

// End counts a connection that has ended, by its cause or else by its reason.
func (c *Counts) End(cause Cause, reason string) {
	if cause == ByReason {
		cause = byReason[reason]
	}
	if cause == ByReason {
		cause = Other
	}
	c.ended[cause].Add(1)
}

// Opened returns the number of connections that have begun.
func (c *Counts) Opened() uint64 { return c.opened.Load() }

// Ended returns the number of connections that have ended by a cause.
func (c *Counts) Ended(cause Cause) uint64 { return c.ended[cause].Load() }
