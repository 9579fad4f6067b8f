// SPDX-License-Identifier: Apache-2.0

// Package lab runs a whole service in a bubble: gateways, NATS and clients in one process, without
// ports, and with a clock of their own that goes on only while all of them wait (testing/synctest).
// The gateways are those that run in pods. They are reached through pipes:
//
//	client ── pipe ── gateway ── pipe ── NATS (embedded)
//
// A pipe can be broken as a network is: closed, or silent.
package lab
