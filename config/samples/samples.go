// SPDX-License-Identifier: Apache-2.0

// Package samples holds manifests to start from.
package samples

import _ "embed"

// Chat is the chat room of the Socket.IO guide.
//
//go:embed chat.yaml
var Chat []byte

// Conformance is the application of the official Socket.IO test suite.
//
//go:embed conformance.yaml
var Conformance []byte
