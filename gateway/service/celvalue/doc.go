// SPDX-License-Identifier: Apache-2.0

// Package celvalue converts between JSON with attachments, as clients send and receive it, and the
// values that CEL computes with.
//
//	args of an event ── FromJSON ──▶ ref.Val ── Encode ──▶ args for clients
//	                                  │ ▲
//	                             Keep ▼ │ Find
//	                                  Data ◀── DecodeData, EncodeData ──▶ the socket's stored data
//
// Invariants:
//   - Relayed values keep their bytes: lists and maps stay JSON until an expression accesses them,
//     level by level, and numbers and strings remember how they were written.
//   - Work is proportional to the bytes that are read, at any depth, and the event's budget pays
//     for it beforehand.
//   - Values are safe for concurrent use, and do not change.
package celvalue
