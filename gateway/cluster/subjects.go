// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"crypto/sha256"
	"encoding/base64"
)

// maxTokenSource is the longest string that is encoded as it is; a longer one is hashed, since NATS wants subjects short.
const maxTokenSource = 96

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
//	rts.<service>.<namespace>.all            everybody in the namespace
//	rts.<service>.<namespace>.room.<room>    the members of a room
//	rts.<service>.<namespace>.gateway.<id>   sockets of one gateway, by their ids
//	rts.<service>.<namespace>.presence.<room>  what gateways with a member in a room tell each other of its members
//	rts.<service>.<namespace>.members.<id>     the members of rooms, for the gateway that has asked
type subjects struct {
	prefix string
}

func newSubjects(service, namespace string) subjects {
	return subjects{prefix: "rts." + token(service) + "." + token(namespace)}
}

// presenceToken and membersToken follow the prefix in the subjects of presence.
const (
	presenceToken = ".presence."
	membersToken  = ".members."
)

func (s subjects) all() string              { return s.prefix + ".all" }
func (s subjects) room(name string) string  { return s.prefix + ".room." + token(name) }
func (s subjects) gateway(id string) string { return s.prefix + ".gateway." + id }

func (s subjects) presence(room string) string { return s.prefix + presenceToken + token(room) }
func (s subjects) members(id string) string    { return s.prefix + membersToken + id }

// serviceSubjects are those of a service's gateways among themselves:
//
//	rts.<service>.peers           who is there
//	rts.<service>.requests        what one asks of all others
//	rts.<service>.answers.<id>    what they answer to the one with the id
type serviceSubjects struct {
	peers, requests, answers string
}

func newServiceSubjects(service, id string) serviceSubjects {
	prefix := "rts." + token(service)
	return serviceSubjects{peers: prefix + ".peers", requests: prefix + ".requests", answers: answerSubject(service, id)}
}

func answerSubject(service, id string) string { return "rts." + token(service) + ".answers." + id }
