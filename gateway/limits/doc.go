// SPDX-License-Identifier: Apache-2.0

// Package limits bounds how fast clients may send, and how many connections a user may have.
//
//	sock := &limits.Socket{User: users.Hold(limits.KeyOf(provider, user))}
//	…
//	verdict := sock.Ask(rules, users.Now(), limits.Event{Name: "say", Bytes: 120})
//
// A Limit is a token bucket: a burst, which is earned again at its rate. What is refused by one
// limit is charged to none. An event that is larger than the burst needs a full bucket, and is then
// paid off: at once there is never more than the burst or one event, and in the long run never more
// than the rate.
//
// # Across gateways
//
// Users count what the sockets of each user do on this gateway, and what other gateways report.
// Gateways report a user only if it could matter. Of the rate, the burst and the connections of a
// user, each of n gateways has a fair share, an n-th. As long as a user exceeds it nowhere, all
// gateways together are within the limit, and none says anything:
//
//	         exceeds the fair share here, or        for sharedFor neither of the two
//	silent ──another gateway reports the user──▶ shared ─────────────────────────────▶ silent
//
// What a shared user uses is reported each exchangeInterval, and charged to the user's buckets on
// all gateways that have a socket of the user, even beyond empty: so all of them have, for an
// interval, the same bucket. Before that each may let a burst through. In any time t, a user that
// is on n gateways gets at most
//
//	rate × t + n × (burst + rate × (interval + time on the network))
//
// if messages arrive; while NATS is away, each gateway has a bucket of its own, and it is n × (rate
// × t + burst). TestUsersKeepToTheirRateAcrossGateways checks the bound.
//
// The connections of a user who has more than the fair share, or who is reported by another
// gateway, are reported whenever they change, and every refreshAfter; lists that are not refreshed
// for expireAfter are forgotten, and so are those of a gateway that is lost. They are lists of what
// identifies a connection across gateways, the id of a socket that survives recovery: a client that
// has come back is counted once even while its former gateway does not know yet. Elsewhere, one
// that has ended counts for SettledAfter at most, and a refusal waits for that. Connections that
// several gateways admit within the same interval may exceed the limit, by what one gateway would
// have admitted on each of the others; they stay.
package limits
