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

// Variables are the variables of the expressions of one event (package expression), with methods
// that evaluate these. Nothing is decoded before it is used. Not safe for concurrent use.
type Variables struct {
	Socket *socketio.Socket
	Params map[string]string // of a dynamic namespace
	Name   string            // of the event
	// Args are the event's arguments; ArgList is their value in expressions, made for the first
	// that uses it. An event that no client has sent has only ArgList.
	Args    socketio.Args
	ArgList ref.Val
	// lastArgument is the argument that a template has used last.
	lastArgument argumentPosition
	Now          time.Time
	Data         *celvalue.Data
	// answers and missing are the result of the last emit with ack.
	answers ref.Val
	missing bool
	// joined, counts and revision are the results of the last joinOneOf, the last count, and the
	// last emit with ifRevision.
	joined   string
	counts   ref.Val
	revision uint64
	// handshake is made for the first expression that uses more of it than auth.
	handshake *socketio.Handshake
	// Budget is for all expressions of the event.
	Budget expression.Budget
	cache  cache
	// claimed reports whether the last evaluation has used claims.
	claimed bool
}

// cache has fields of socket that are expensive to make: a loop may use them in each round.
type cache struct {
	rooms, auth, claims, query, headers ref.Val
}

var (
	noAnswers   = types.NewRefValList(types.DefaultTypeAdapter, nil)
	noCounts    = types.NewRefValMap(types.DefaultTypeAdapter, nil)
	noArguments = []byte("[]")
	noClaims    = []byte("{}")
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

// SetJoined sets the result of a joinOneOf.
func (v *Variables) SetJoined(room string) { v.joined = room }

// SetCounts sets the result of a count.
func (v *Variables) SetCounts(counts map[string]int) {
	values := make(map[ref.Val]ref.Val, len(counts))
	for room, n := range counts {
		values[types.String(room)] = types.Int(n)
	}
	v.counts = types.NewRefValMap(types.DefaultTypeAdapter, values)
}

// SetRevision sets the result of an emit with ifRevision.
func (v *Variables) SetRevision(revision uint64) { v.revision = revision }

// ClearResults removes the results of actions at the start of a handler.
func (v *Variables) ClearResults() {
	v.answers, v.missing, v.joined, v.counts, v.revision = noAnswers, false, "", noCounts, 0
}

var _ cel.Activation = (*Variables)(nil)

// ResolveName returns the value of a variable.
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
	case expression.Joined:
		return types.String(v.joined), true
	case expression.Counts:
		return v.counts, true
	case expression.Revision:
		return types.Uint(v.revision), true
	case expression.Socket:
		return celvalue.Object{Declared: expression.SocketType, Field: v.socketField}, true
	default:
		return nil, false
	}
}

// Parent returns nil: there are no other variables.
func (v *Variables) Parent() cel.Activation { return nil }

func (v *Variables) socketField(name string) ref.Val {
	switch name {
	case "id":
		return types.String(v.Socket.ID())
	case "namespace":
		return types.String(v.Socket.Namespace().Name())
	case "params":
		return types.NewStringStringMap(types.DefaultTypeAdapter, v.Params)
	case "user":
		if id := v.Socket.Identity(); id != nil {
			return types.String(id.User)
		}
		return types.String("")
	case "claims":
		return v.claims()
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

// claims are those of the socket's identity; none of an anonymous client.
func (v *Variables) claims() ref.Val {
	v.claimed = true
	if v.cache.claims == nil {
		claims := noClaims
		if id := v.Socket.Identity(); id != nil && len(id.Claims) > 0 {
			claims = id.Claims
		}
		v.cache.claims = celvalue.FromJSON(claims, celvalue.Origin{Budget: &v.Budget})
	}
	return v.cache.claims
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
