// SPDX-License-Identifier: Apache-2.0

package service

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
	data  *celvalue.Data
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
		return celvalue.Object{Declared: expression.SocketType, Field: v.socketField}, true
	default:
		return nil, false
	}
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
		return celvalue.Object{Declared: expression.HandshakeType, Field: v.handshakeField}
	default:
		return nil
	}
}

func (v *variables) roomList() ref.Val {
	if v.made.rooms == nil {
		v.made.rooms = celvalue.Strings(&v.budget, v.socket.Rooms())
	}
	return v.made.rooms
}

func (v *variables) handshakeField(name string) ref.Val {
	if name == "auth" {
		if v.made.auth == nil {
			v.made.auth = celvalue.FromJSON(v.socket.Auth(), celvalue.Origin{Budget: &v.budget})
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
			v.made.query = celvalue.StringMap(&v.budget, h.Query, nil)
		}
		return v.made.query
	case "headers":
		if v.made.headers == nil {
			v.made.headers = celvalue.StringMap(&v.budget, h.Headers, strings.ToLower)
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
