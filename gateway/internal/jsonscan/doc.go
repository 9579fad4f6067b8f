// SPDX-License-Identifier: Apache-2.0

// Package jsonscan is the program's scanner of JSON: it says whether bytes are JSON, and where the
// values in it begin and end. It decodes nothing and allocates nothing.
//
// There are two halves. Check reads what a client has sent: it refuses all that json.Valid refuses, and
// values that are nested more than MaxDepth levels deep. The rest (Elements, Members, ValueEnd and what
// they are made of) reads JSON that has been checked, in one pass over the bytes, at any depth.
//
//   - Grammar: RFC 8259. Control characters in strings are refused, unknown escapes and incomplete
//     \u escapes too; numbers have no leading zeros. White space is space, tab, \n and \r.
//   - Not looked at: UTF-8 (see utf8.Valid), lone surrogates, equal names of an object. What they mean is
//     the caller's decision.
//   - Bytes behind the value: Check refuses them, unless they are white space; ValueEnd stops before
//     them.
//
// It is in the place of encoding/json, which takes several times as long: json.Valid alone would be
// half the price of an event, and a json.Decoder copies each value that it skips. Gateways relay most
// values without looking into them, so to find their ends is all that they need.
package jsonscan
