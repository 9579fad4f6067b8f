// SPDX-License-Identifier: Apache-2.0

// Package parser reads and writes Socket.IO packets: Socket.IO protocol v5 in JSON, and the format
// of socket.io-msgpack-parser.
//
//	bytes of a client ─ Decoder.Add ──▶ Packet ─ Codec.Encode ─▶ Encoded ─ Messages ─▶ engine
//	                                      │ ▲
//	                    SplitArgs,        ▼ │  EncodeArgs
//	                    DecodeArg       Go values
//
// A Packet has one form, whatever the client speaks: its payload is JSON, and binary values are
// attachments, which it refers to by placeholders (package placeholder). Handlers and other
// gateways need not know which codec a server uses.
//
// Invariants:
//   - Packets from Add are valid: UTF-8, one JSON value of the kind that the packet's type
//     requires, nested at most jsonscan.MaxDepth levels deep, an event name that is not reserved,
//     and placeholders that each name an attachment. (In msgpack, a map that looks like a
//     placeholder and names no attachment stays a map.) Later stages rely on that, and relayed
//     packets cannot make their recipients close the connection.
//   - Payloads keep their bytes: the order of keys, the form of numbers. Msgpack values keep their
//     types on the way through JSON; see transcoder.float.
//   - Work and memory are proportional to the size of a packet, at any depth. No memory is
//     allocated for a length that is only announced.
//
// Why own code: encoding/json and the msgpack libraries decode into Go values and encode those
// again, which relayed events do not need. The parser keeps the payload as raw JSON (package
// jsonscan checks it), and transcodes between msgpack and JSON token by token, with the codes of
// vmihailenco/msgpack.
package parser
