// SPDX-License-Identifier: Apache-2.0

// Package between writes the part of a document that a program makes.
package between

import (
	"bytes"
	"fmt"
	"os"
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

// Write puts a text between two marks of a file.
func Write(file, begin, end, text string) error {
	old, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read the document: %w", err)
	}
	document, err := Replace(old, begin, end, text)
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.WriteFile(file, document, 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}
