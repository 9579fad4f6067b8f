// SPDX-License-Identifier: Apache-2.0

// Package callstack tells by whom a function is called.
package callstack

import (
	"runtime"
	"strings"
)

// Has tells whether a function is on the caller's stack whose full name begins so.
func Has(prefix string) bool {
	var pcs [64]uintptr
	for skip := 0; ; skip += len(pcs) {
		n := runtime.Callers(skip, pcs[:])
		frames := runtime.CallersFrames(pcs[:n])
		for more := n > 0; more; {
			var frame runtime.Frame
			if frame, more = frames.Next(); strings.HasPrefix(frame.Function, prefix) {
				return true
			}
		}
		if n < len(pcs) {
			return false
		}
	}
}
