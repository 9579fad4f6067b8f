// SPDX-License-Identifier: Apache-2.0

package service

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// variables are what the expressions of one event see (package expression). Nothing is decoded before it is asked for.
type variables struct {
	socket *socketio.Socket
	params map[string]string // of a dynamic namespace
	name   string
	// args are the event's; argList is what expressions see of them, made when the first one asks.
	args    socketio.Args
	argList ref.Val
	// found is the argument that a template asked for last.
	found argument
	now   time.Time
	data  *data
	// answers and missing are what has come of the last emit with ack.
	answers ref.Val
	missing bool
	// handshake is made when the first expression asks for more of it than auth.
	handshake *socketio.Handshake
	// budget is for all expressions of the event.
	budget expression.Budget
	// made are values that are made for the first expression that asks.
	made made
}

// made are those of socket's fields that take more than a look. A loop may ask in each round.
type made struct {
	rooms, auth, query, headers ref.Val
}

var noAnswers = types.NewRefValList(types.DefaultTypeAdapter, nil)

var _ cel.Activation = (*variables)(nil)

// ResolveName gives the value of a variable.
func (v *variables) ResolveName(name string) (any, bool) {
	switch name {
	case expression.Work:
		return &v.budget, true
	case expression.Event:
		return types.String(v.name), true
	case expression.Args:
		return v.argumentList(), true
	case expression.Now:
		return types.Timestamp{Time: v.now}, true
	case expression.Answers:
		return v.answers, true
	case expression.Missing:
		return types.Bool(v.missing), true
	case expression.Socket:
		return object{expression.SocketType, v.socketField}, true
	default:
		return nil, false
	}
}

// argumentList is the event's arguments as a list.
func (v *variables) argumentList() ref.Val {
	if v.argList == nil {
		v.argList = fromJSON(v.args.JSON, origin{v.args.Attachments, &v.budget})
	}
	return v.argList
}

// Parent is nil: there are no other variables.
func (v *variables) Parent() cel.Activation { return nil }

func (v *variables) socketField(name string) ref.Val {
	switch name {
	case "id":
		return types.String(v.socket.ID())
	case "namespace":
		return types.String(v.socket.Namespace().Name())
	case "params":
		return types.NewStringStringMap(types.DefaultTypeAdapter, v.params)
	case "data":
		return v.data
	case "rooms":
		return v.roomList()
	case "recovered":
		return types.Bool(v.socket.Recovered())
	case "handshake":
		return object{expression.HandshakeType, v.handshakeField}
	default:
		return nil
	}
}

func (v *variables) roomList() ref.Val {
	if v.made.rooms == nil {
		rooms := v.socket.Rooms()
		v.budget.Charge(len(rooms) * valueWork)
		v.made.rooms = types.NewStringList(types.DefaultTypeAdapter, rooms)
	}
	return v.made.rooms
}

func (v *variables) handshakeField(name string) ref.Val {
	if name == "auth" {
		if v.made.auth == nil {
			v.made.auth = fromJSON(v.socket.Auth(), origin{budget: &v.budget})
		}
		return v.made.auth
	}
	if v.handshake == nil {
		v.handshake = v.socket.Handshake()
	}
	h := v.handshake
	switch name {
	case "query":
		if v.made.query == nil {
			v.made.query = stringMap(&v.budget, h.Query, asItIs)
		}
		return v.made.query
	case "headers":
		if v.made.headers == nil {
			v.made.headers = stringMap(&v.budget, h.Headers, strings.ToLower)
		}
		return v.made.headers
	case "address":
		return types.String(h.Address)
	case "time":
		return types.Timestamp{Time: h.Time}
	case "secure":
		return types.Bool(h.Secure)
	default:
		return nil
	}
}

// stringMap joins several values of one name with ", ", as HTTP does (RFC 9110 section 5.2).
func stringMap(b *expression.Budget, values map[string][]string, key func(string) string) ref.Val {
	joined := make(map[string]string, len(values))
	for name, list := range values {
		b.Charge(memberWork)
		joined[key(name)] = strings.Join(list, ", ")
	}
	return types.NewStringStringMap(types.DefaultTypeAdapter, joined)
}

func asItIs(name string) string { return name }

// object is a value with declared fields, each made when an expression selects it.
type object struct {
	declared *types.Type
	// field returns nil for a name that is not declared.
	field func(name string) ref.Val
}

var (
	_ traits.Indexer     = object{}
	_ traits.FieldTester = object{}
)

// Get gives a field.
func (o object) Get(name ref.Val) ref.Val {
	text, ok := name.(types.String)
	if !ok {
		return types.MaybeNoSuchOverloadErr(name)
	}
	if v := o.field(string(text)); v != nil {
		return v
	}
	return types.NewErr("no such field '%s'", text)
}

// IsSet is true for all declared fields.
func (o object) IsSet(name ref.Val) ref.Val {
	text, ok := name.(types.String)
	return types.Bool(ok && o.field(string(text)) != nil)
}

// ConvertToNative fails: an object is not sent or stored as a whole.
func (o object) ConvertToNative(t reflect.Type) (any, error) {
	return nil, errNotSent(o, t)
}

// ConvertToType gives the object's type, and nothing else.
func (o object) ConvertToType(t ref.Type) ref.Val {
	if t == types.TypeType {
		return o.declared
	}
	return types.NewErr("%s cannot become %s", o.declared.TypeName(), t.TypeName())
}

// Equal compares with another object of the same event: there is one of each type.
func (o object) Equal(other ref.Val) ref.Val {
	p, ok := other.(object)
	return types.Bool(ok && p.declared == o.declared)
}

// Type is the declared type.
func (o object) Type() ref.Type { return o.declared }

// Value is the object itself.
func (o object) Value() any { return o }

// keep makes of a value what can be stored: lists and maps as JSON of their own, since those of an event hold on to the whole
// event.
func keep(v ref.Val, b *expression.Budget) (ref.Val, error) {
	switch v := v.(type) {
	case types.String:
		return types.String(strings.Clone(string(v))), nil
	case types.Bytes:
		return slices.Clone(v), nil
	case *rawScalar:
		return v.clone(), nil
	case types.Null, types.Bool, types.Int, types.Uint, types.Double, types.Timestamp, types.Duration:
		return v, nil
	}
	args, err := encode(v, b)
	if err != nil {
		return nil, err
	}
	b.Charge(readings * readingWork(args.JSON))
	return fromJSON(args.JSON, origin{attachments: args.Attachments}), nil
}

// readings are the forms in which expressions may look into a stored value. Each is made once, for
// whatever event needs it first.
const readings = 3

// readingWork is what a look at all that is in a value of valid JSON costs.
func readingWork(raw []byte) int {
	work := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			end := jsonscan.StringEnd(raw, i)
			work += (end - i) / 16
			i = end - 1
		case ',', '[':
			work += valueWork
		case ':', '{':
			work += memberWork
		}
	}
	return work
}
