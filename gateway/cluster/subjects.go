// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// maxTokenSource is the longest string that is encoded as it is; a longer one is hashed, since NATS wants subjects short.
const maxTokenSource = 96

// The first tokens of all subjects: of what gateways say to each other, and of what the log stores and then says there.
const (
	liveRoot = "rts."
	logRoot  = "rtslog."
)

// token encodes any string as one token of a NATS subject. A room may be named "a.b", "*" or "": unencoded, it would be
// another subject, a subscription to everything, or an error.
func token(s string) string {
	if len(s) <= maxTokenSource {
		return "t" + base64.RawURLEncoding.EncodeToString([]byte(s))
	}
	sum := sha256.Sum256([]byte(s))
	return "h" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// subjects are those of one Socket.IO namespace of a service:
//
//	rts.<service>.<namespace>.all                     everybody in the namespace
//	rts.<service>.<namespace>.room.<room>             the members of a room
//	rts.<service>.<namespace>.socket.<gateway>.<id>   the socket with an id, whose first characters name a gateway
//	rts.<service>.<namespace>.presence.<room>         what gateways with a member in a room tell each other of its members
//	rts.<service>.<namespace>.members.<id>            the members of rooms, for the gateway that has asked
//
// What is to be stored is published to rtslog.<service>.event. in place of rts.<service>., and comes out here when it is.
type subjects struct {
	prefix string
	// log is the prefix of what is to be stored.
	log string
}

func newSubjects(service, namespace string) subjects {
	return subjects{
		prefix: liveRoot + token(service) + "." + token(namespace),
		log:    eventRoot(service) + token(namespace),
	}
}

// eventRoot begins the subjects of stored events.
func eventRoot(service string) string { return logRoot + token(service) + ".event." }

func (s subjects) all() string { return s.prefix + ".all" }

// room is where an event for a room goes. A room whose name looks like a socket's id goes the way of the socket, which
// may have that room too.
func (s subjects) room(name string) string {
	if gateway, id, ok := ownerOfRoom(name); ok {
		return s.prefix + ".socket." + gateway + "." + id
	}
	return s.prefix + ".room." + token(name)
}

// interest is what to subscribe to for a room: of sockets, one subject for all whose ids name the same gateway.
func (s subjects) interest(room string) string {
	if gateway, _, ok := ownerOfRoom(room); ok {
		return s.prefix + ".socket." + gateway + ".*"
	}
	return s.room(room)
}

// stored is where an event is published that is to be stored and then to go out on a subject.
func (s subjects) stored(subject string) string { return s.log + subject[len(s.prefix):] }

// presenceToken and membersToken follow the prefix in the subjects of presence.
const (
	presenceToken = ".presence."
	membersToken  = ".members."
)

// isPresence tells whether a subject is one of presence.
func (s subjects) isPresence(subject string) bool {
	kind := subject[len(s.prefix):]
	return strings.HasPrefix(kind, presenceToken) || strings.HasPrefix(kind, membersToken)
}

func (s subjects) presence(room string) string { return s.prefix + presenceToken + token(room) }
func (s subjects) members(id string) string    { return s.prefix + membersToken + id }

// serviceSubjects are those of a service's gateways among themselves:
//
//	rts.<service>.peers           who is there
//	rts.<service>.requests        what one asks of all others
//	rts.<service>.answers.<id>    what they answer to the one with the id
//	rts.<service>.echoes          the question whether all that was published before has arrived
//	rts.<service>.echoed.<id>     what the others answer to the one with the id
//	rts.<service>.acks.<id>.<n>   that the log has stored the n-th message of the one with the id; "-" and a number follow
//	rts.<service>.restarts        what gateways know of a log that was lost; see restartWord
//	rts.<service>.fences.<id>     that a session of the one with the id has been recovered elsewhere
//	rtslog.<service>.session.<p>  the session with a private id, as the log has it
type serviceSubjects struct {
	peers, requests, answers, echoes, echoed, acks, fences, restarts string
}

func newServiceSubjects(service, id string) serviceSubjects {
	prefix := liveRoot + token(service)
	return serviceSubjects{
		peers:    prefix + ".peers",
		requests: prefix + ".requests",
		answers:  answerSubject(service, id),
		echoes:   prefix + ".echoes",
		echoed:   echoedSubject(service, id),
		acks:     prefix + ".acks." + id + ".",
		fences:   fenceSubject(service, id),
		restarts: prefix + ".restarts",
	}
}

func answerSubject(service, id string) string { return liveRoot + token(service) + ".answers." + id }

func echoedSubject(service, id string) string { return liveRoot + token(service) + ".echoed." + id }

func fenceSubject(service, id string) string { return liveRoot + token(service) + ".fences." + id }

// startSubject is that of the first message of a log.
func startSubject(service string) string { return logRoot + token(service) + ".start" }

func sessionSubject(service, pid string) string {
	return logRoot + token(service) + ".session." + token(pid)
}
