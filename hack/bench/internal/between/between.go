// SPDX-License-Identifier: Apache-2.0

// Package between writes the part of a document that a program makes.
package between

import (
	"bytes"
	"fmt"
	"slices"
)

// Replace returns the document with other text between two marks, each of which must be in it.
func Replace(document []byte, begin, end, text string) ([]byte, error) {
	before, rest, ok := bytes.Cut(document, []byte(begin))
	if !ok {
		return nil, fmt.Errorf("the document lacks the mark %q", begin)
	}
	_, after, ok := bytes.Cut(rest, []byte(end))
	if !ok {
		return nil, fmt.Errorf("the document lacks the mark %q behind %q", end, begin)
	}
	return slices.Concat(before, []byte(begin), []byte(text), []byte(end), after), nil
}
