// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/scenario/strictyaml"
)

// Pos is a place in a file.
type Pos = strictyaml.Pos

// File is a file with tests of one service. docs/how-to/test.md describes it.
type File struct {
	Service  string                       `yaml:"service,required" doc:"The manifest; a relative path begins at this file's folder."`
	Gateways int                          `yaml:"gateways" doc:"How many gateways run; 1 by default."`
	Clock    string                       `yaml:"clock" doc:"When each test begins, in the form of RFC 3339; 2030-01-01T00:00:00Z by default."`
	Secrets  map[string]map[string]string `yaml:"secrets" doc:"The Secrets of spec.authentication: by name, the values of their keys."`
	Clients  map[string]*Client           `yaml:"clients" doc:"The clients of the tests, by name."`
	Matrix   []*Matrix                    `yaml:"matrix" doc:"Tables of who may do what."`
	Tests    []*Test                      `yaml:"tests" doc:"The tests. Each begins with a new service."`

	// name is the file's, as it was given.
	name    string
	service service
}

// Client is a client that tests connect.
type Client struct {
	Pos
	Namespace string            `yaml:"namespace" doc:"What it connects to; / by default."`
	Gateway   int               `yaml:"gateway" doc:"The number of the gateway that it connects to, from 1."`
	As        string            `yaml:"as" doc:"The entry of spec.authentication by which it shows a token; by default the first of the namespace."`
	Claims    map[string]any    `yaml:"claims" doc:"The claims of its token, which is signed each time it connects. iss, aud, iat and exp are filled in."`
	Valid     *time.Duration    `yaml:"valid" doc:"How long the token is valid; 1h by default."`
	Token     string            `yaml:"token" doc:"A token as it is, in place of claims."`
	Auth      map[string]any    `yaml:"auth" doc:"The auth payload, without the token."`
	Query     map[string]string `yaml:"query" doc:"Parameters of the first request."`
	Headers   map[string]string `yaml:"headers" doc:"Headers of the first request."`
	Address   string            `yaml:"address" doc:"Its IP address; 127.0.0.1 by default."`
}

// Test is a sequence of steps.
type Test struct {
	Pos
	Name     string  `yaml:"name,required" doc:"What it shows."`
	Gateways int     `yaml:"gateways" doc:"How many gateways run; that of the file by default."`
	Steps    []*Step `yaml:"steps,required" doc:"What happens, one after the other."`
}

// Step is one of its fields.
type Step struct {
	Pos
	Connect      *Connect      `yaml:"connect" doc:"Clients connect."`
	Emit         *Emit         `yaml:"emit" doc:"A client emits an event."`
	Expect       *Expect       `yaml:"expect" doc:"Clients have received an event, or receive it."`
	ExpectNone   *ExpectNone   `yaml:"expectNone" doc:"Clients receive no such event."`
	Disconnect   *Disconnect   `yaml:"disconnect" doc:"Clients end their connections, or lose them."`
	Disconnected *Disconnected `yaml:"disconnected" doc:"The service disconnects clients."`
	Reconnect    *Reconnect    `yaml:"reconnect" doc:"A client comes back, and asks for its session."`
	Publish      *Publish      `yaml:"publish" doc:"A program publishes an event."`
	Advance      *Advance      `yaml:"advance" doc:"The clock of the test goes on by this time."`
	Kill         *Kill         `yaml:"kill" doc:"A gateway is lost, with all of its connections."`
	Cut          *Cut          `yaml:"cut" doc:"A gateway is cut off from NATS."`
	Heal         *Heal         `yaml:"heal" doc:"A gateway that was cut off can reach NATS again."`
	Apply        *Apply        `yaml:"apply" doc:"Another manifest is put in force while clients stay."`
}

// Matrix is a table of clients and actions, with what comes of each.
type Matrix struct {
	Pos
	Name    string                        `yaml:"name,required" doc:"What it shows."`
	Actions map[string]*Action            `yaml:"actions,required" doc:"What clients try, by name."`
	Expect  map[string]map[string]Outcome `yaml:"expect,required" doc:"By client and action: allowed, or the code of the refusal."`
}

// Action is an event that asks for an acknowledgement, or nothing but connecting.
type Action struct {
	Pos
	Emit  string   `yaml:"emit" doc:"The event; without it, the client only connects."`
	Args  []any    `yaml:"args" doc:"Its arguments."`
	After []*Emit1 `yaml:"after" doc:"What the client emits before, whatever is answered."`
}

// Emit1 is an event of a client that is known.
type Emit1 struct {
	Emit string `yaml:"emit,required" doc:"The event."`
	Args []any  `yaml:"args" doc:"Its arguments."`
}

// Outcome is allowed, or the code of a refusal.
type Outcome struct {
	Pos
	Code string
}

// Failure is how something is refused. Fields that are absent are not compared.
type Failure struct {
	Pos
	Code    string `yaml:"code" doc:"The code, such as forbidden."`
	Rule    string `yaml:"rule" doc:"The rule that refuses, as the acknowledgement names it."`
	Message string `yaml:"message" doc:"The message of a connect_error, or the text of an error."`
	Status  int    `yaml:"status" doc:"The HTTP status, if the first request of a connection is refused."`
}

// Schema returns the JSON Schema of a File, for editors.
func Schema() map[string]any { return strictyaml.Schema(File{}) }
