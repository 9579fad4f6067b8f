// SPDX-License-Identifier: Apache-2.0

// Package expression declares the language of a manifest's expressions: CEL (https://cel.dev) with
// the variables
//
//	event   string              name of the event, "connection", "disconnecting" or "disconnect"
//	args    list                arguments of the event; the reason at disconnecting and disconnect
//	socket  realtime.Socket     sender: id, namespace, params, user, claims, data, rooms,
//	                            recovered, handshake
//	now     timestamp           when it arrived
//	answers list of lists       arguments of the acknowledgements to an emit that asks for them
//	missing bool                whether a client that was asked has not answered
//	joined  string              the room that a joinOneOf has joined
//	counts  map of ints         the members of rooms, by a count
//	revision uint               the revision of an event that was emitted with ifRevision
//
// or, for an admission rule,
//
//	request realtime.Request    handshake: method, host, path, query, headers, address, secure
//	now     timestamp           when it arrived
//
// or, for what others see of a member of a room, and for who may do what in a room,
//
//	socket  realtime.Socket     the member
//	room    realtime.Room       the room: name, params
//	now     timestamp           when somebody looks, or asks
//
// or, without the room, for the rooms that a socket joins when it connects, or, for a client whose
// token is valid,
//
//	claims  map                 what the token says
//	request realtime.Request    the first request of the connection
//	socket  realtime.Entrant    what it wants to connect to: namespace, params
//	now     timestamp           when it asks
//
// and the functions of CEL's strings, math, lists, sets and encoders extensions. JSON numbers are
// doubles, as in CEL's own conversion from JSON, and binary arguments are bytes. A relayed value
// keeps its JSON; see Relayed. The API server's webhook and the gateway compile with the same
// declarations, so a gateway can run everything that was accepted.
package expression

import (
	"sync"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/ext"
)

// The names of the variables.
const (
	Event  = "event"
	Args   = "args"
	Socket = "socket"
	Now    = "now"
	// Answers and Missing exist only after an emit with ack.
	Answers = "answers"
	Missing = "missing"
	// Joined exists only after a joinOneOf, Counts only after a count, and Revision only after an
	// emit with ifRevision.
	Joined   = "joined"
	Counts   = "counts"
	Revision = "revision"
	// Request is the variable of an admission rule, and of a client.
	Request = "request"
	// Claims is a variable of a client.
	Claims = "claims"
	// Room is the variable of a member.
	Room = "room"
)

// The types of the values that a gateway supplies.
var (
	SocketType    = types.NewObjectType("realtime.Socket")
	HandshakeType = types.NewObjectType("realtime.Handshake")
	RequestType   = types.NewObjectType("realtime.Request")
	RoomType      = types.NewObjectType("realtime.Room")
	// EntrantType is a socket before it has connected.
	EntrantType = types.NewObjectType("realtime.Entrant")
)

var (
	stringMap = types.NewMapType(types.StringType, types.StringType)
	anyMap    = types.NewMapType(types.StringType, types.DynType)
)

// fields are the fields of the types. They are declared, so that a misspelled one is refused
// together with its manifest.
var fields = map[string]map[string]*types.Type{
	SocketType.TypeName(): {
		"id":        types.StringType,
		"namespace": types.StringType,
		"params":    stringMap,
		"user":      types.StringType,
		"claims":    anyMap,
		"data":      anyMap,
		"rooms":     types.NewListType(types.StringType),
		"recovered": types.BoolType,
		"handshake": HandshakeType,
	},
	HandshakeType.TypeName(): {
		"auth":    types.DynType,
		"query":   stringMap,
		"headers": stringMap,
		"address": types.StringType,
		"time":    types.TimestampType,
		"secure":  types.BoolType,
	},
	RoomType.TypeName(): {
		"name":   types.StringType,
		"params": stringMap,
	},
	EntrantType.TypeName(): {
		"namespace": types.StringType,
		"params":    stringMap,
	},
	RequestType.TypeName(): {
		"method":  types.StringType,
		"host":    types.StringType,
		"path":    types.StringType,
		"query":   stringMap,
		"headers": stringMap,
		"address": types.StringType,
		"secure":  types.BoolType,
	},
}

// environmentOf returns the environment of expressions of the kind.
func environmentOf(kind Kind) (*cel.Env, error) {
	switch kind {
	case Admission:
		return admissionEnvironment()
	case Client, User:
		return clientEnvironment()
	case Member, Access:
		return memberEnvironment()
	case AutoJoin:
		return socketEnvironment()
	default:
		return eventEnvironment()
	}
}

// The environments are made when the first expression is compiled; each takes some milliseconds.
var (
	earlyEnvironment = sync.OnceValues(func() (*cel.Env, error) {
		return newEnvironment(
			cel.Variable(Event, types.StringType),
			cel.Variable(Args, types.NewListType(types.DynType)),
			cel.Variable(Socket, SocketType),
			cel.Variable(Now, types.TimestampType),
		)
	})
	eventEnvironment  = sync.OnceValues(func() (*cel.Env, error) { return lateEnvironment(Lates) })
	socketEnvironment = sync.OnceValues(func() (*cel.Env, error) {
		return newEnvironment(
			cel.Variable(Socket, SocketType),
			cel.Variable(Now, types.TimestampType),
		)
	})
	memberEnvironment = sync.OnceValues(func() (*cel.Env, error) {
		socket, err := socketEnvironment()
		if err != nil {
			return nil, err
		}
		return socket.Extend(cel.Variable(Room, RoomType))
	})
	clientEnvironment = sync.OnceValues(func() (*cel.Env, error) {
		return newEnvironment(
			cel.Variable(Claims, anyMap),
			cel.Variable(Request, RequestType),
			cel.Variable(Socket, EntrantType),
			cel.Variable(Now, types.TimestampType),
		)
	})
	admissionEnvironment = sync.OnceValues(func() (*cel.Env, error) {
		return newEnvironment(
			cel.Variable(Request, RequestType),
			cel.Variable(Now, types.TimestampType),
		)
	})
)

func newEnvironment(variables ...cel.EnvOption) (*cel.Env, error) {
	registry, err := types.NewRegistry()
	if err != nil {
		return nil, err
	}
	variables = append(variables, conversions()...)
	return cel.NewEnv(append([]cel.EnvOption{
		cel.CustomTypeAdapter(registry),
		cel.CustomTypeProvider(provider{registry}),
		cel.EagerlyValidateDeclarations(true),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		ext.Strings(ext.StringsVersion(4), ext.StringsMaxPrecision(maxPrecision)),
		ext.Math(ext.MathVersion(2)),
		ext.Lists(ext.ListsVersion(3)),
		ext.Sets(ext.SetsVersion(1)),
		ext.Encoders(ext.EncodersVersion(1)),
	}, variables...)...)
}

// provider adds our types to those of CEL.
type provider struct{ *types.Registry }

func (p provider) FindStructType(name string) (*types.Type, bool) {
	for _, t := range []*types.Type{SocketType, HandshakeType, RequestType, RoomType, EntrantType} {
		if t.TypeName() == name {
			return types.NewTypeTypeWithParam(t), true
		}
	}
	return p.Registry.FindStructType(name)
}

func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	if declared, ok := fields[name]; ok {
		names := make([]string, 0, len(declared))
		for field := range declared {
			names = append(names, field)
		}
		return names, true
	}
	return p.Registry.FindStructFieldNames(name)
}

// FindStructFieldType returns only the type: values are looked up by the traits of the objects that
// the gateway supplies.
func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	if declared, ok := fields[name]; ok {
		t, ok := declared[field]
		return &types.FieldType{Type: t}, ok
	}
	return p.Registry.FindStructFieldType(name, field)
}
