// SPDX-License-Identifier: Apache-2.0

// Package tracing makes the spans of a gateway, and sends them to a collector by OTLP over HTTP.
//
//	handshake ──▶ authenticate ──▶ (the program that is asked)
//	                 ┆ link
//	event, emit ──▶ publish ──▶ deliver, on each gateway with a member
//
// A span is as short as the work that it describes: none lasts as long as a connection. Spans have
// the names that a manifest has, and counts. They never have what a client or a program has sent,
// and no ids of sessions, sockets or users; see the constants.
//
// Whether a trace is sampled is decided where it begins, and is in its header (W3C Trace Context).
// What is not sampled has no header, and costs a comparison; so does everything while tracing is
// off.
package tracing
