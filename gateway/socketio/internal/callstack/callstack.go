// SPDX-License-Identifier: Apache-2.0

// Package callstack finds the callers of a function.
package callstack

import (
	"runtime"
	"strings"
)

// Has reports whether a function whose full name has that prefix is on the caller's stack.
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
