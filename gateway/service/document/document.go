// SPDX-License-Identifier: Apache-2.0

// Package document reads the documents of publishers: an event, and who is to receive it.
package document

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/realtime-operator/realtime-operator/gateway/internal/placeholder"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// maxNames bounds the rooms and sockets that one request names, and those that it excludes: each
// room is a message of its own between gateways.
const maxNames = 1000

// Document is an event that a publisher asks to emit; docs/how-to/publish.md describes it.
type Document struct {
	Namespace string
	Event     string
	Args      socketio.Args
	// users are the users to send to, of an entry of spec.authentication, or of the namespace's
	// only one; nil: none. See Address.
	users []string
	entry string
	// rooms are the rooms and socket ids to send to; nil: the whole namespace.
	rooms, except []string
	volatile      bool
	uncompressed  bool
}

// names is a list of strings. Unlike []string it does not accept null as a string.
type names []string

func (n *names) UnmarshalJSON(data []byte) error {
	var list []*string
	if err := json.Unmarshal(data, &list); err != nil {
		return errors.New("must be a list of strings")
	}
	*n = make(names, len(list))
	for i, s := range list {
		if s == nil {
			return errors.New("must be a list of strings")
		}
		(*n)[i] = *s
	}
	return nil
}

// Parse parses a JSON document. It must not name a namespace if the caller does, for
// example because the URL has one.
func Parse(data []byte, namespace string) (*Document, error) {
	p := &Document{Namespace: namespace}
	var (
		args           json.RawMessage
		rooms, sockets names
		users          names
		except         names
		binary         names
		compress       = true
	)
	fields := map[string]any{
		"event": &p.Event, "args": &args, "rooms": &rooms, "sockets": &sockets, "except": &except,
		"users": &users, "entry": &p.entry, "binary": &binary, "volatile": &p.volatile, "compress": &compress,
	}
	if namespace == "" {
		fields["namespace"] = &p.Namespace
	}
	if err := readFields(data, fields); err != nil {
		return nil, err
	}
	switch {
	case p.Namespace == "":
		return nil, errors.New(`"namespace" is missing`)
	case p.Event == "":
		return nil, errors.New(`"event" is missing`)
	case socketio.IsReservedEvent(p.Event):
		return nil, fmt.Errorf("event %q is a reserved event name of Socket.IO", p.Event)
	case len(rooms)+len(sockets)+len(users) > maxNames || len(except) > maxNames:
		return nil, fmt.Errorf("more than %d rooms, sockets and users are named: use a room that they are in, or send several times", maxNames)
	case users == nil && p.entry != "":
		return nil, errors.New(`"entry" is for "users", which is missing`)
	case slices.Contains(users, ""):
		return nil, errors.New(`"users" has a name that is empty`)
	}
	if rooms != nil || sockets != nil || users != nil {
		p.rooms = append([]string{}, append(rooms, sockets...)...)
	}
	if err := userroom.CheckNames(slices.Concat(p.rooms, except)); err != nil {
		return nil, err
	}
	p.users, p.except, p.uncompressed = users, except, !compress
	var err error
	p.Args, err = publishArgs(args, binary)
	return p, err
}

// Address adds the rooms of the users to those to send to. roomsOf knows these, by the entry.
func (p *Document) Address(roomsOf func(entry string, users []string) ([]string, error)) error {
	if p.users == nil {
		return nil
	}
	rooms, err := roomsOf(p.entry, p.users)
	if err != nil {
		return fmt.Errorf(`"users": %w`, err)
	}
	p.rooms = append(p.rooms, rooms...)
	return nil
}

// readFields decodes an object whose fields must be known, spelled exactly, and given once.
// encoding/json would accept "Rooms" for "rooms", the last of two, and null for nothing: an event
// for some would be sent to all.
func readFields(data []byte, fields map[string]any) error {
	if !utf8.Valid(data) {
		return errors.New("the document is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if token, err := dec.Token(); err != nil || token != json.Delim('{') {
		return errors.New("the document is not a JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return fmt.Errorf("the document is not JSON: %w", err)
		}
		name, _ := token.(string) // a key
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return fmt.Errorf("the document is not JSON: %w", err)
		}
		if err := readField(name, raw, fields, seen); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return fmt.Errorf("the document is not JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind the document")
	}
	return nil
}

func readField(name string, raw json.RawMessage, fields map[string]any, seen map[string]bool) error {
	field, known := fields[name]
	switch {
	case !known && name == "namespace":
		return errors.New(`unknown field "namespace": here the URL names it`)
	case !known:
		return fmt.Errorf("unknown field %.64q", name)
	case seen[name]:
		return fmt.Errorf("%q is given twice", name)
	case string(raw) == "null":
		return fmt.Errorf("%q is null: leave it out", name)
	}
	seen[name] = true
	err := json.Unmarshal(raw, field)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%q must be a %s", name, wrong.Type)
	}
	if err != nil {
		return fmt.Errorf("%q %w", name, err)
	}
	return nil
}

// publishArgs keeps the arguments as they were written, without spaces. If there is binary data,
// each piece must have its placeholder.
func publishArgs(raw json.RawMessage, binary names) (socketio.Args, error) {
	if raw == nil {
		raw = json.RawMessage("[]")
	}
	if raw[0] != '[' {
		return socketio.Args{}, errors.New(`"args" must be a list`)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return socketio.Args{}, fmt.Errorf(`"args": %w`, err)
	}
	args := socketio.Args{JSON: compact.Bytes()}
	if len(binary) == 0 {
		return args, nil
	}
	if len(binary) > socketio.MaxAttachments {
		return args, fmt.Errorf(`"binary" has %d pieces, clients take %d`, len(binary), socketio.MaxAttachments)
	}
	for i, text := range binary {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return args, fmt.Errorf(`"binary"[%d] is not base64: %w`, i, err)
		}
		args.Attachments = append(args.Attachments, data)
	}
	return args, checkPlaceholders(args)
}

// checkPlaceholders requires one placeholder for each attachment, and no other: otherwise a client
// would close the connection.
func checkPlaceholders(args socketio.Args) error {
	used := make([]int, len(args.Attachments))
	for _, p := range placeholder.Find(args.JSON) {
		if p.Num < 0 || p.Num >= len(used) {
			return fmt.Errorf(`"args" has a placeholder for no piece of "binary", which has %d: %.60s`, len(used), args.JSON[p.Start:p.End])
		}
		used[p.Num]++
	}
	for i, n := range used {
		if n != 1 {
			return fmt.Errorf(`"args" has %d placeholders for "binary"[%d], not one`, n, i)
		}
	}
	return nil
}

// Emit emits the event in its namespace, with the trace of the context. The receipt reports whether
// it is stored, where events are.
func (p *Document) Emit(ctx context.Context, ns *socketio.Namespace, receipt *socketio.Receipt) error {
	audience := ns.Except(p.except...).Compress(!p.uncompressed).Receipt(receipt).WithContext(ctx)
	if p.rooms != nil {
		audience = audience.To(p.rooms...)
	}
	if p.volatile {
		audience = audience.Volatile()
	}
	return audience.EmitArgs(p.Event, p.Args)
}
