// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
)

// Connect connects clients.
type Connect struct {
	Clients Names    `yaml:"clients,required" doc:"Who connects."`
	Gateway int      `yaml:"gateway" doc:"The number of the gateway, from 1; that of the client by default."`
	Error   *Failure `yaml:"error" doc:"How it is refused; it must be let in if this is absent."`
}

// UnmarshalNode also reads names alone.
func (s *Connect) UnmarshalNode(n *yaml.Node, decode func(any)) error {
	type connectForm Connect
	return shortOr(n, decode, &s.Clients, (*connectForm)(s))
}

// Schema is that of both forms.
func (s *Connect) Schema(of func(any) map[string]any) map[string]any {
	type connectForm Connect
	return map[string]any{"anyOf": []any{of(Names{}), of(connectForm{})}}
}

func (s *Connect) check(c *checker, at Pos, path string, gateways int) {
	c.known(at, path, s.Clients...)
	c.gateway(at, path+".gateway", s.Gateway, gateways)
}

func (s *Connect) run(w *world) error {
	for _, name := range s.Clients {
		if c := w.clients[name]; c != nil && c.Left() == "" {
			return failf("%s has connected before", name)
		}
		v, err := w.visit(w.file.Clients[name])
		if err != nil {
			return err
		}
		if s.Gateway > 0 {
			v.Gateway = s.Gateway
		}
		c, err := w.lab.Connect(v)
		refused, err := outcomeOf(err)
		if err != nil {
			return err
		}
		if err := s.Error.compare(name, refused); err != nil {
			return err
		}
		if c != nil {
			w.clients[name] = c
		}
	}
	return nil
}

// Reconnect connects a client that was connected before.
type Reconnect struct {
	Client    string   `yaml:"client,required" doc:"Who comes back."`
	Gateway   int      `yaml:"gateway" doc:"The number of the gateway, from 1; that of the client by default."`
	Recovered *bool    `yaml:"recovered" doc:"Whether it has its session back: its id, rooms and data, and what it has missed."`
	Error     *Failure `yaml:"error" doc:"How it is refused."`
}

// UnmarshalNode also reads a name alone.
func (s *Reconnect) UnmarshalNode(n *yaml.Node, decode func(any)) error {
	type reconnectForm Reconnect
	return shortOr(n, decode, &s.Client, (*reconnectForm)(s))
}

// Schema is that of both forms.
func (s *Reconnect) Schema(of func(any) map[string]any) map[string]any {
	type reconnectForm Reconnect
	return map[string]any{"anyOf": []any{of(""), of(reconnectForm{})}}
}

func (s *Reconnect) check(c *checker, at Pos, path string, gateways int) {
	c.known(at, path, s.Client)
	c.gateway(at, path+".gateway", s.Gateway, gateways)
}

func (s *Reconnect) run(w *world) error {
	before, err := w.connected(s.Client)
	if err != nil {
		return err
	}
	if before.Left() == "" {
		return failf("%s is still connected", s.Client)
	}
	v, err := w.visit(w.file.Clients[s.Client])
	if err != nil {
		return err
	}
	if s.Gateway > 0 {
		v.Gateway = s.Gateway
	}
	v.PID, v.Offset = before.PID(), before.Offset()
	c, err := w.lab.Connect(v)
	refused, err := outcomeOf(err)
	if err != nil {
		return err
	}
	if err := s.Error.compare(s.Client, refused); err != nil || c == nil {
		return err
	}
	w.clients[s.Client] = c
	// As in the client's library: the session is the one that it has asked for.
	if recovered := v.PID != "" && c.PID() == v.PID; s.Recovered != nil && recovered != *s.Recovered {
		return &mismatch{s.Client + " is back", "recovered: " + yesNo(*s.Recovered), "recovered: " + yesNo(recovered)}
	}
	return nil
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// The ways to end a connection.
const (
	byClose  = "close"
	byLeave  = "leave"
	byVanish = "vanish"
)

// Disconnect ends the connections of clients.
type Disconnect struct {
	Clients Names  `yaml:"clients,required" doc:"Who disconnects."`
	How     string `yaml:"how" doc:"close: the connection is closed, as by a program that ends. leave: the client leaves the namespace. vanish: the network is gone, and nobody is told. close by default."`
}

// UnmarshalNode also reads names alone.
func (s *Disconnect) UnmarshalNode(n *yaml.Node, decode func(any)) error {
	type disconnectForm Disconnect
	return shortOr(n, decode, &s.Clients, (*disconnectForm)(s))
}

// Schema is that of both forms.
func (s *Disconnect) Schema(of func(any) map[string]any) map[string]any {
	type disconnectForm Disconnect
	return map[string]any{"anyOf": []any{of(Names{}), of(disconnectForm{})}}
}

func (s *Disconnect) check(c *checker, at Pos, path string, _ int) {
	c.known(at, path, s.Clients...)
	switch s.How {
	case "", byClose, byLeave, byVanish:
	default:
		c.fail(at, path+".how", "want %s, %s or %s", byClose, byLeave, byVanish)
	}
}

func (s *Disconnect) run(w *world) error {
	for _, name := range s.Clients {
		c, err := w.connected(name)
		if err != nil {
			return err
		}
		if why := c.Left(); why != "" {
			return failf("%s is not connected: %s", name, why)
		}
		switch s.How {
		case byLeave:
			err = c.Leave()
		case byVanish:
			c.Vanish()
		default:
			c.Close()
		}
		if err != nil {
			return err
		}
	}
	lab.Settle()
	return nil
}

// Disconnected expects that the service ends the connections of clients.
type Disconnected struct {
	At     Names          `yaml:"at,required" doc:"Who is disconnected."`
	Within *time.Duration `yaml:"within" doc:"How long it may take; 1s by default."`
}

// UnmarshalNode also reads names alone.
func (s *Disconnected) UnmarshalNode(n *yaml.Node, decode func(any)) error {
	type disconnectedForm Disconnected
	return shortOr(n, decode, &s.At, (*disconnectedForm)(s))
}

// Schema is that of both forms.
func (s *Disconnected) Schema(of func(any) map[string]any) map[string]any {
	type disconnectedForm Disconnected
	return map[string]any{"anyOf": []any{of(Names{}), of(disconnectedForm{})}}
}

func (s *Disconnected) check(c *checker, at Pos, path string, _ int) { c.known(at, path, s.At...) }

func (s *Disconnected) run(w *world) error {
	for _, name := range s.At {
		c, err := w.connected(name)
		if err != nil {
			return err
		}
		if !c.Await(within(s.Within), c.Gone) {
			return failf("%s is still connected after %s", name, within(s.Within))
		}
	}
	return nil
}
