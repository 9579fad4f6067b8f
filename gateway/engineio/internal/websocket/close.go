// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"encoding/binary"
	"fmt"
)

// CloseError is the error for a connection that the client has closed, or whose client has violated
// the protocol.
type CloseError struct {
	// Code is the code for the client (RFC 6455 section 7.4).
	Code int
	// ByClient: the client has sent a close frame.
	ByClient bool
	Reason   string
}

func (e *CloseError) Error() string { return fmt.Sprintf("websocket: %s (%d)", e.Reason, e.Code) }

// The codes of close frames.
const (
	CodeProtocolError = 1002
	CodeNoStatus      = 1005
	CodeInvalidData   = 1007
	CodeTooBig        = 1009
)

func brokenRule(reason string) error { return &CloseError{Code: CodeProtocolError, Reason: reason} }

var (
	errTooBig   = &CloseError{Code: CodeTooBig, Reason: "message is too large"}
	errNotUTF8  = &CloseError{Code: CodeInvalidData, Reason: "text message is not UTF-8"}
	errInflate  = &CloseError{Code: CodeInvalidData, Reason: "message cannot be inflated"}
	errUnmasked = brokenRule("frame of a client is not masked")
)

// CloseFrame returns a close frame with a code, or without one for CodeNoStatus.
func CloseFrame(code int) []byte {
	if code == CodeNoStatus {
		return []byte{finalClose, 0}
	}
	return binary.BigEndian.AppendUint16([]byte{finalClose, 2}, uint16(code))
}
