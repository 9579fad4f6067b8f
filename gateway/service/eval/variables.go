// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// Variables are what the expressions of one event see (package expression); the methods evaluate
// them. Nothing is decoded before it is asked for. Not for concurrent use.
type Variables struct {
	Socket *socketio.Socket
	Params map[string]string // of a dynamic namespace
	Name   string            // of the event
	// Args are the event's; ArgList is what expressions see of them, made when the first one asks.
	// An event that no client has sent has ArgList alone.
	Args    socketio.Args
	ArgList ref.Val
	// lastArgument is the one that a template has used last.
	lastArgument argumentPosition
	Now          time.Time
	Data         *celvalue.Data
	// answers and missing are the result of the last emit with ack.
	answers ref.Val
	missing bool
	// handshake is made when the first expression asks for more of it than auth.
	handshake *socketio.Handshake
	// Budget is for all expressions of the event.
	Budget expression.Budget
	cache  cache
}

// cache has fields of socket that are costly to make: a loop may ask for them in each round.
type cache struct {
	rooms, auth, query, headers ref.Val
}

var (
	noAnswers   = types.NewRefValList(types.DefaultTypeAdapter, nil)
	noArguments = []byte("[]")
)

// SetAnswers sets the result of an emit with ack: clients' answers, and whether any are missing.
func (v *Variables) SetAnswers(answers []socketio.Args, missing bool) {
	values := make([]ref.Val, len(answers))
	for i, a := range answers {
		if len(a.JSON) == 0 {
			a = socketio.Args{JSON: noArguments}
		}
		values[i] = celvalue.FromJSON(a.JSON, celvalue.Origin{Attachments: a.Attachments, Budget: &v.Budget})
	}
	v.answers, v.missing = types.NewRefValList(types.DefaultTypeAdapter, values), missing
}

// ClearAnswers forgets the answers at the start of a handler.
func (v *Variables) ClearAnswers() { v.answers, v.missing = noAnswers, false }

var _ cel.Activation = (*Variables)(nil)

// ResolveName gives the value of a variable.
func (v *Variables) ResolveName(name string) (any, bool) {
	switch name {
	case expression.Work:
		return &v.Budget, true
	case expression.Event:
		return types.String(v.Name), true
	case expression.Args:
		return v.argumentList(), true
	case expression.Now:
		return types.Timestamp{Time: v.Now}, true
	case expression.Answers:
		return v.answers, true
	case expression.Missing:
		return types.Bool(v.missing), true
	case expression.Socket:
		return celvalue.Object{Declared: expression.SocketType, Field: v.socketField}, true
	default:
		return nil, false
	}
}

// Parent is nil: there are no other variables.
func (v *Variables) Parent() cel.Activation { return nil }

func (v *Variables) socketField(name string) ref.Val {
	switch name {
	case "id":
		return types.String(v.Socket.ID())
	case "namespace":
		return types.String(v.Socket.Namespace().Name())
	case "params":
		return types.NewStringStringMap(types.DefaultTypeAdapter, v.Params)
	case "data":
		return v.Data
	case "rooms":
		return v.roomList()
	case "recovered":
		return types.Bool(v.Socket.Recovered())
	case "handshake":
		return celvalue.Object{Declared: expression.HandshakeType, Field: v.handshakeField}
	default:
		return nil
	}
}

func (v *Variables) roomList() ref.Val {
	if v.cache.rooms == nil {
		v.cache.rooms = celvalue.Strings(&v.Budget, v.Socket.Rooms())
	}
	return v.cache.rooms
}

func (v *Variables) handshakeField(name string) ref.Val {
	if name == "auth" {
		if v.cache.auth == nil {
			v.cache.auth = celvalue.FromJSON(v.Socket.Auth(), celvalue.Origin{Budget: &v.Budget})
		}
		return v.cache.auth
	}
	if v.handshake == nil {
		v.handshake = v.Socket.Handshake()
	}
	h := v.handshake
	switch name {
	case "query":
		if v.cache.query == nil {
			v.cache.query = celvalue.StringMap(&v.Budget, h.Query, nil)
		}
		return v.cache.query
	case "headers":
		if v.cache.headers == nil {
			v.cache.headers = celvalue.StringMap(&v.Budget, h.Headers, strings.ToLower)
		}
		return v.cache.headers
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
