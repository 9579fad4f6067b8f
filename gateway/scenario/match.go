// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// The members of an object that stands for other values.
const (
	// memberBinary is binary data, as base64. It can also be sent.
	memberBinary = "$binary"
	// memberAny is any value.
	memberAny = "$any"
	// memberMatches is a string that matches a regular expression, wherever in it.
	memberMatches = "$matches"
)

// special returns the one member of an object that stands for another value.
func special(v any) (member string, of any) {
	object, ok := v.(map[string]any)
	if !ok || len(object) != 1 {
		return "", nil
	}
	for name, value := range object {
		if name == memberBinary || name == memberAny || name == memberMatches {
			return name, value
		}
	}
	return "", nil
}

// checkValue returns an error for an object that stands for no value: compared are those of
// expectations, the others are sent.
func checkValue(v any, compared bool) error {
	switch member, of := special(v); {
	case member == memberBinary:
		_, err := binary(of)
		return err
	case member != "" && !compared:
		return fmt.Errorf("%s is for what is expected, and nothing that can be sent", member)
	case member == memberAny && of != true:
		return errors.New("want " + memberAny + ": true")
	case member == memberMatches:
		pattern, _ := of.(string)
		if _, err := regexp.Compile(pattern); err != nil || pattern == "" {
			return fmt.Errorf("%s: want a regular expression", memberMatches)
		}
		return nil
	}
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if err := checkValue(element, compared); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, name := range sortedNames(v) {
			if err := checkValue(v[name], compared); err != nil {
				return err
			}
		}
	}
	return nil
}

func binary(of any) ([]byte, error) {
	text, ok := of.(string)
	data, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		return nil, fmt.Errorf("%s: want base64", memberBinary)
	}
	return data, nil
}

// sent replaces what stands for binary data by it.
func sent(values []any) []any {
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = sentValue(v)
	}
	return all
}

func sentValue(v any) any {
	if member, of := special(v); member == memberBinary {
		data, _ := binary(of) // was checked
		return data
	}
	switch v := v.(type) {
	case []any:
		return sent(v)
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = sentValue(v[name])
		}
		return object
	}
	return v
}

// matches reports whether a received value is the expected one. With partial, an object may have
// more members than are expected, at any depth.
func matches(want, got any, partial bool) bool {
	switch member, of := special(want); member {
	case memberAny:
		return true
	case memberBinary:
		data, _ := binary(of) // was checked
		received, ok := got.([]byte)
		return ok && bytes.Equal(data, received)
	case memberMatches:
		text, ok := got.(string)
		return ok && regexp.MustCompile(of.(string)).MatchString(text)
	}
	switch want := want.(type) {
	case []any:
		got, ok := got.([]any)
		return ok && matchLists(want, got, partial)
	case map[string]any:
		got, ok := got.(map[string]any)
		return ok && matchObjects(want, got, partial)
	case json.Number:
		got, ok := got.(json.Number)
		return ok && equalNumbers(want, got)
	default:
		_, isBinary := got.([]byte)
		_, isList := got.([]any)
		_, isObject := got.(map[string]any)
		return !isBinary && !isList && !isObject && want == got
	}
}

func matchLists(want, got []any, partial bool) bool {
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if !matches(want[i], got[i], partial) {
			return false
		}
	}
	return true
}

func matchObjects(want, got map[string]any, partial bool) bool {
	if !partial && len(want) != len(got) {
		return false
	}
	for name := range want {
		value, there := got[name]
		if !there || !matches(want[name], value, partial) {
			return false
		}
	}
	return true
}

// equalNumbers compares integers digit by digit, since they may be larger than a double can tell
// apart, and others as doubles.
func equalNumbers(a, b json.Number) bool {
	if isInteger(a) && isInteger(b) {
		return a == b
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}

func isInteger(n json.Number) bool { return !strings.ContainsAny(string(n), ".eE") }

// pretty prints a value, on one line if it is short.
func pretty(v any) string {
	v = printed(v)
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	if b.Len() <= lineWidth {
		return strings.TrimSpace(b.String())
	}
	b.Reset()
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(v) // has worked above
	return strings.TrimSpace(b.String())
}

// lineWidth is how much of a value is printed on one line.
const lineWidth = 36

// printed has binary data be what a file would say.
func printed(v any) any {
	switch v := v.(type) {
	case []byte:
		return map[string]any{memberBinary: base64.StdEncoding.EncodeToString(v)}
	case []any:
		all := make([]any, len(v))
		for i := range v {
			all[i] = printed(v[i])
		}
		return all
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = printed(v[name])
		}
		return object
	}
	return v
}
