// SPDX-License-Identifier: Apache-2.0

// Package gatewayadmin is what people who run a service ask a gateway by `kubectl rts`. Requests
// are HTTP over a Unix socket that only a process in the gateway's own container reaches: `realtime
// admin METHOD PATH`, which kubectl rts runs there by `pods/exec`. The plugin and the gateway must
// agree on it, though neither imports the other.
//
// Besides the paths below, a gateway answers there what it answers on its ops port (/status,
// /metrics), and on its port for programs (POST /v1/namespaces/{namespace}/emit, POST
// /v1/revocations), without a token.
package gatewayadmin

import "time"

// Socket is the address of a gateway's Unix socket: an abstract one, which needs no file, since the
// file system of the container is read-only. It is of the pod's network namespace.
const Socket = "@realtime-admin"

// Command is the program and its subcommand in a gateway's container, to which METHOD PATH are
// added. It writes the body of the answer to its standard output. If the answer is an error, it
// writes that to its standard error and ends with ExitRefused.
var Command = []string{"/realtime", "admin"}

// ExitRefused is the exit code of Command for an answer that is an error.
const ExitRefused = 3

// UntilEOF is a flag of Command: it ends when its standard input does, as it does when the person
// who asks has gone, and sends nothing of it. Without it the input is the body of a POST.
const UntilEOF = "--until-eof"

// The paths. All are for GET. Answers to PathWho and PathTop are one JSON object, those to PathTail
// and PathTrace are lines, each a JSON object, until the time asked for is over.
const (
	// PathWho lists sockets, in a Members: ?namespace=/chat for all of a namespace, &room=r for
	// those in a room, &limit=1000.
	PathWho = "/v1/who"
	// PathTop lists rooms or users, those with the most sockets first, in a Top: ?of=rooms or
	// ?of=users, &limit=100.
	PathTop = "/v1/top"
	// PathTail tells which events are emitted to a room: ?namespace=/chat&room=r, and Sample's
	// parameters. Without a room, all of the namespace. The lines are Lines.
	PathTail = "/v1/tail"
	// PathTrace tells what the sockets of a user do: ?user=ada, &entry=people for a user of one
	// entry of spec.authentication, and Sample's parameters. The lines are Lines.
	PathTrace = "/v1/trace"
)

// The bounds of what is asked for; more is refused.
const (
	// MaxSeconds and MaxRate bound PathTail and PathTrace: for how long, and how many lines a
	// second.
	MaxSeconds, DefaultSeconds = 3600, 60
	MaxRate, DefaultRate       = 1000, 20
	// MaxArgs bounds how much of an event's arguments a line has, in bytes. By default it has
	// nothing of them.
	MaxArgs = 4096
	// MaxMembers and MaxTop bound lists.
	MaxMembers, MaxTop = 100_000, 10_000
	// MaxTraced is how many sockets of a user a gateway traces.
	MaxTraced = 20
)

// Members are sockets of one gateway.
type Members struct {
	Members []Member `json:"members"`
	// Total is how many there are, more than Members if these are bounded.
	Total int `json:"total"`
}

// Member is a socket. It has no id of a session, which would be enough to act as the client.
type Member struct {
	// Socket is the id that other clients see, too.
	Socket    string `json:"socket"`
	Namespace string `json:"namespace"`
	// User and Entry are empty for an anonymous client. Entry is that of spec.authentication.
	User      string    `json:"user,omitempty"`
	Entry     string    `json:"entry,omitempty"`
	Transport string    `json:"transport"`
	Address   string    `json:"address"`
	Since     time.Time `json:"since"`
	// Rooms are how many rooms the socket is in, but for those of its id and its user.
	Rooms int `json:"rooms"`
}

// Top are the rooms or users of one gateway with the most sockets, in falling order.
type Top struct {
	Items []Item `json:"items"`
	// Total is how many rooms or users there are, and Next the sockets of the largest that is not
	// among Items: what others may be too small by, when the Items of gateways are added up.
	Total int `json:"total"`
	Next  int `json:"next,omitempty"`
}

// Item is a room of a namespace, or a user of an entry of spec.authentication.
type Item struct {
	Namespace string `json:"namespace,omitempty"`
	Room      string `json:"room,omitempty"`
	Entry     string `json:"entry,omitempty"`
	User      string `json:"user,omitempty"`
	Sockets   int    `json:"sockets"`
}

// Key is an Item without its number.
func (i Item) Key() Item {
	i.Sockets = 0
	return i
}

// The kinds of lines.
const (
	// KindEmitted: an event that was emitted on this gateway, to Rooms or, without, to all of the
	// namespace. Each event is told by one gateway.
	KindEmitted = "emitted"
	// KindConnected and KindDisconnected: a socket of the user is there, or has gone for a Reason.
	KindConnected    = "connected"
	KindDisconnected = "disconnected"
	// KindReceived: an event from the client; KindSent: one for the client.
	KindReceived = "received"
	KindSent     = "sent"
	// KindAlive says nothing but how many lines were left out. It comes every few seconds.
	KindAlive = "alive"
)

// Line is something that has happened. Which fields it has depends on its kind.
type Line struct {
	Kind      string    `json:"kind"`
	Time      time.Time `json:"time"`
	Namespace string    `json:"namespace,omitempty"`
	Rooms     []string  `json:"rooms,omitempty"`
	Socket    string    `json:"socket,omitempty"`
	Transport string    `json:"transport,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Event     string    `json:"event,omitempty"`
	// Bytes are those of the event with its attachments.
	Bytes int `json:"bytes,omitempty"`
	// Args is the beginning of the arguments, as JSON, if that was asked for.
	Args string `json:"args,omitempty"`
	// Missed is how many lines were left out before this one: there were more than asked for.
	Missed int `json:"missed,omitempty"`
}
