// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// maxTokenSource is the length of the longest string that is encoded; a longer one is hashed, since
// subjects of NATS should be short.
const maxTokenSource = 96

// The first tokens of all subjects: of messages between gateways, and of what the log stores and
// then republishes there.
const (
	LiveRoot = "rts."
	LogRoot  = "rtslog."
)

// Token encodes any string as one token of a NATS subject. A room may be named "a.b", "*" or "":
// unencoded, it would be another subject, a subscription to everything, or an error.
func Token(s string) string {
	if len(s) <= maxTokenSource {
		return "t" + base64.RawURLEncoding.EncodeToString([]byte(s))
	}
	sum := sha256.Sum256([]byte(s))
	return "h" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Subjects are the subjects of one Socket.IO namespace of a service:
//
//	rts.<service>.<namespace>.all                    all sockets of the namespace
//	rts.<service>.<namespace>.room.<room>            the members of a room
//	rts.<service>.<namespace>.socket.<gateway>.<id>  a socket, whose id begins with the gateway's
//	rts.<service>.<namespace>.user.<hash>            the sockets of a user
//	rts.<service>.<namespace>.presence.<room>        presence, for gateways with a member there
//	rts.<service>.<namespace>.members.<id>           members of rooms, for a gateway that asks
//
// Events that are stored are published to rtslog.<service>.event. in place of rts.<service>., and
// republished here by the log.
type Subjects struct {
	// Prefix is the prefix of all of them, except those of stored events.
	Prefix string
	// log is the prefix of stored events.
	log string
}

// NewSubjects returns the subjects of a namespace of a service.
func NewSubjects(service, namespace string) Subjects {
	return Subjects{
		Prefix: LiveRoot + Token(service) + "." + Token(namespace),
		log:    EventRoot(service) + Token(namespace),
	}
}

// EventRoot returns the prefix of the subjects of stored events.
func EventRoot(service string) string { return LogRoot + Token(service) + ".event." }

// All is the subject of an event for the whole namespace.
func (s Subjects) All() string { return s.Prefix + ".all" }

// Room is the subject of an event for a room. A room whose name looks like a socket's id has the
// subject of the socket, which may have that room too. Rooms of users have subjects of their own,
// to which no gateway of an earlier release subscribes.
func (s Subjects) Room(name string) string {
	if gateway, id, ok := OwnerOfRoom(name); ok {
		return s.Prefix + ".socket." + gateway + "." + id
	}
	if user, ok := userroom.Cut(name); ok {
		return s.Prefix + ".user." + Token(user)
	}
	return s.Prefix + ".room." + Token(name)
}

// Interest is the subject to subscribe to for a room: for sockets, one subject for all whose ids
// name the same gateway.
func (s Subjects) Interest(room string) string {
	if gateway, _, ok := OwnerOfRoom(room); ok {
		return s.Prefix + ".socket." + gateway + ".*"
	}
	return s.Room(room)
}

// Stored is the subject to which an event is published that is to be stored and then republished on
// a subject.
func (s Subjects) Stored(subject string) string { return s.log + subject[len(s.Prefix):] }

// presenceToken and membersToken follow the prefix in the subjects of presence.
const (
	presenceToken = ".presence."
	membersToken  = ".members."
)

// IsPresence reports whether a subject is one of presence.
func (s Subjects) IsPresence(subject string) bool {
	kind := subject[len(s.Prefix):]
	return strings.HasPrefix(kind, presenceToken) || strings.HasPrefix(kind, membersToken)
}

// Presence is the subject on which gateways announce the members of a room.
func (s Subjects) Presence(room string) string { return s.Prefix + presenceToken + Token(room) }

// Members is the subject on which a gateway, by its id, receives the members of rooms that it has
// requested.
func (s Subjects) Members(id string) string { return s.Prefix + membersToken + id }

// ServiceSubjects are the subjects between the gateways of a service:
//
//	rts.<service>.peers           announcements of gateways
//	rts.<service>.requests        requests to all other gateways
//	rts.<service>.answers.<id>    answers to the requests of a gateway
//	rts.<service>.echoes          questions whether everything published before has arrived
//	rts.<service>.echoed.<id>     answers to these questions of a gateway
//	rts.<service>.usage           what users have used, for spec.limits.perUser
//	rts.<service>.acks.<id>.<n>   acknowledgements of the log for the n-th message of a gateway;
//	                              "-" and a number follow
//	rts.<service>.restarts        what gateways know of a lost log; see package eventlog
//	rts.<service>.fences.<id>     that a session of a gateway has been recovered elsewhere
//	rtslog.<service>.session.<p>  the session with a private id, in the log
//	rtslog.<service>.places.<namespace>.<room>  who has a place in a room, in the log
type ServiceSubjects struct {
	Peers, Requests, Answers, Echoes, Echoed, Usage, Acks, Fences, Restarts string
}

// NewServiceSubjects returns the subjects of a gateway, by its id.
func NewServiceSubjects(service, id string) ServiceSubjects {
	prefix := LiveRoot + Token(service)
	return ServiceSubjects{
		Peers:    prefix + ".peers",
		Requests: prefix + ".requests",
		Answers:  AnswerSubject(service, id),
		Echoes:   prefix + ".echoes",
		Echoed:   EchoedSubject(service, id),
		Usage:    prefix + ".usage",
		Acks:     prefix + ".acks." + id + ".",
		Fences:   FenceSubject(service, id),
		Restarts: prefix + ".restarts",
	}
}

// AnswerSubject is the subject on which a gateway, by its id, receives the answers to its requests.
func AnswerSubject(service, id string) string { return LiveRoot + Token(service) + ".answers." + id }

// EchoedSubject is the subject on which a gateway, by its id, receives the answers to its echoes.
func EchoedSubject(service, id string) string { return LiveRoot + Token(service) + ".echoed." + id }

// FenceSubject is the subject on which a gateway, by its id, receives fences of its sessions.
func FenceSubject(service, id string) string { return LiveRoot + Token(service) + ".fences." + id }

// StartSubject is the subject of the first message of a log.
func StartSubject(service string) string { return LogRoot + Token(service) + ".start" }

// SessionSubject is the subject of the log for the session with a private id.
func SessionSubject(service, pid string) string {
	return LogRoot + Token(service) + ".session." + Token(pid)
}

// PlacesSubject is the subject of the log for the places of a room.
func PlacesSubject(service, namespace, room string) string {
	return LogRoot + Token(service) + ".places." + Token(namespace) + "." + Token(room)
}
