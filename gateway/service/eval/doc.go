// SPDX-License-Identifier: Apache-2.0

// Package eval evaluates the expressions of a service for one event, one handshake or one member of
// a room: the variables, and the results.
//
//	Variables  event, args, socket, now, answers     conditions, values, rooms, lists of arguments
//	Request    request, now                          admission rules
//	Client     claims, request, socket, now          allow and user of an authentication
//	Member     room, and what Variables have         presenceInfo
//
// Package expression compiles expressions and sets their costs. A Template and RoomNames know the
// common forms of an expression, such as a list with args[0] in it, and do without CEL there; their
// results are those of CEL, byte for byte.
package eval
