// SPDX-License-Identifier: Apache-2.0

// Package eval evaluates the expressions of a service for one event, one handshake or one member of
// a room: what they see, and what they yield.
//
//	Variables  event, args, socket, now, answers     conditions, values, rooms, lists of arguments
//	Request    request, now                          admission rules
//	Member     room, and what Variables have         presenceInfo
//
// Package expression compiles expressions and says what they may cost. A Template and RoomNames
// know the common forms of an expression, such as a list with args[0] in it, and do without CEL
// there; they yield what CEL would, byte for byte.
package eval
