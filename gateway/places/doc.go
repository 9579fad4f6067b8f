// SPDX-License-Identifier: Apache-2.0

// Package places counts who is in the rooms that have a capacity, over all gateways, and gives out
// the places that are left.
//
// Each room has a record in the log: the ids of its members, by gateway, and of clients that are
// away and whose place waits for them. A gateway that lets a socket in writes the record before the
// socket joins, and only if nobody else has written since it read the record (compare and set). So
// two gateways never give away the same place, and there is no owner whose loss would have to be
// noticed first.
//
//	Take ── waits ──▶ written with the id ──▶ reserved ── Joined ──▶ member ── Left ──▶ away
//	          └─────▶ full, by a record that was read for it
//
// A gateway writes its part of a record as a whole, so that a write whose answer is lost does no
// harm. An id may be in the parts of two gateways, while a client that comes back is still there on
// the gateway that it has left; it counts once. So who comes back finds its own place.
//
// Takes that come while a record is written wait, and are written together.
package places
