// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/gateway/internal/plainjson"
)

// storedValue is a value of socket.data with the type that JSON does not have. One of its fields is
// set.
type storedValue struct {
	Int       *int64          `json:"int,omitempty"`
	Uint      *uint64         `json:"uint,omitempty"`
	Bytes     *[]byte         `json:"bytes,omitempty"`
	Timestamp *time.Time      `json:"timestamp,omitempty"`
	Duration  *time.Duration  `json:"duration,omitempty"`
	JSON      json.RawMessage `json:"json,omitempty"`
	// Attachments are the values of the placeholders in JSON.
	Attachments [][]byte `json:"attachments,omitempty"`
}

// EncodeData encodes the data of a socket, so that another gateway can restore them for a returning
// client.
func EncodeData(v any) ([]byte, error) {
	d, ok := v.(*Data)
	if !ok {
		return nil, fmt.Errorf("encode socket.data: it is a %T", v)
	}
	buf := []byte{'{'}
	for _, name := range slices.Sorted(maps.Keys(d.fields)) {
		if len(buf) > 1 {
			buf = append(buf, ',')
		}
		buf = append(plainjson.AppendString(buf, name), ':')
		value, err := storedOf(d.fields[name])
		if err == nil {
			buf, err = value.append(buf)
		}
		if err != nil {
			return nil, fmt.Errorf("encode socket.data.%s: %w", name, err)
		}
	}
	return append(buf, '}'), nil
}

// Check returns an error if the encoded data take more than most bytes.
func (d *Data) Check(most int) error {
	encoded, err := EncodeData(d)
	if err != nil {
		return err
	}
	if len(encoded) > most {
		return fmt.Errorf("the socket's data take %d bytes, more than %d", len(encoded), most)
	}
	return nil
}

// append writes the value with its JSON unchanged: encoding/json would remove spaces, and rewrite
// strings.
func (s storedValue) append(buf []byte) ([]byte, error) {
	if s.JSON == nil {
		return plainjson.Append(buf, s)
	}
	buf = append(buf, `{"json":`...)
	buf = append(buf, s.JSON...)
	if len(s.Attachments) > 0 {
		buf = append(buf, `,"attachments":`...)
		var err error
		if buf, err = plainjson.Append(buf, s.Attachments); err != nil {
			return nil, err
		}
	}
	return append(buf, '}'), nil
}

func storedOf(v ref.Val) (storedValue, error) {
	switch v := v.(type) {
	case types.Int:
		n := int64(v)
		return storedValue{Int: &n}, nil
	case types.Uint:
		n := uint64(v)
		return storedValue{Uint: &n}, nil
	case types.Bytes:
		b := []byte(v)
		return storedValue{Bytes: &b}, nil
	case types.Timestamp:
		return storedValue{Timestamp: &v.Time}, nil
	case types.Duration:
		return storedValue{Duration: &v.Duration}, nil
	}
	args, err := Encode(v, nil)
	return storedValue{JSON: args.JSON, Attachments: args.Attachments}, err
}

// DecodeData is the inverse of EncodeData.
func DecodeData(b []byte) (any, error) {
	var stored map[string]storedValue
	if err := json.Unmarshal(b, &stored); err != nil {
		return nil, fmt.Errorf("decode socket.data: %w", err)
	}
	d := &Data{fields: make(map[string]ref.Val, len(stored))}
	for name, value := range stored {
		d.fields[name] = value.decoded()
	}
	return d, nil
}

func (s storedValue) decoded() ref.Val {
	switch {
	case s.Int != nil:
		return types.Int(*s.Int)
	case s.Uint != nil:
		return types.Uint(*s.Uint)
	case s.Bytes != nil:
		return types.Bytes(*s.Bytes)
	case s.Timestamp != nil:
		return types.Timestamp{Time: *s.Timestamp}
	case s.Duration != nil:
		return types.Duration{Duration: *s.Duration}
	case len(s.JSON) == 0:
		return types.NullValue
	}
	return FromJSON(s.JSON, Origin{Attachments: s.Attachments})
}
