// SPDX-License-Identifier: Apache-2.0

// Package parser reads and writes Socket.IO packets: Socket.IO protocol v5 in JSON, and the format of
// socket.io-msgpack-parser.
//
//	bytes of a client ─ Decoder.Add ──▶ Packet ─ Codec.Encode ─▶ Encoded ─ Messages ─▶ engine
//	                                      │ ▲
//	                    SplitArgs,        ▼ │  EncodeArgs
//	                    DecodeArg       Go values
//
// A Packet has one form, whatever the client speaks: its payload is JSON, and binary values are
// attachments that stand in it as placeholders (package placeholder). So what one client sends in
// msgpack can be relayed to others in JSON, and through handlers and gateways that know neither.
//
// Invariants:
//   - What Add returns is valid: UTF-8, one JSON value of the kind that the packet's type wants, nested
//     at most jsonscan.MaxDepth levels deep, an event name that is not reserved, and placeholders in JSON that each
//     name an attachment. (A map in msgpack that looks like a placeholder and names none stays a map.) Nobody behind it checks that again, and what is relayed cannot make
//     its recipients close their connections.
//   - What is relayed keeps its bytes: the order of keys, the form of numbers. Msgpack values keep their
//     types in JSON; see transcoder.float.
//   - Work and memory are proportional to the bytes of a packet, at any depth, and no announced length
//     is believed.
//
// It is code of our own because no Go library keeps the payload raw. Those for JSON decode it into
// values, and write others: an event would be decoded and encoded again for nothing. Those for msgpack
// do the same, so Msgpack transcodes straight into JSON, token by token, by the codes of
// vmihailenco/msgpack.
package parser
