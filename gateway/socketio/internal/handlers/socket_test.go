// SPDX-License-Identifier: Apache-2.0

package handlers

import (
	"errors"
	"slices"
	"testing"
)

// calls is the order in which functions were called.
type calls []string

func (c *calls) note(name string) func(int) {
	return func(int) { *c = append(*c, name) }
}

func (c *calls) expect(t *testing.T, names ...string) {
	t.Helper()
	if !slices.Equal(*c, names) {
		t.Errorf("called %v, want %v", *c, names)
	}
	*c = nil
}

func TestASocketWithoutFunctionsCallsNothing(t *testing.T) {
	var s Socket[int, string]
	s.Event("e", 1, func(error) { t.Error("refused") })
	s.Outgoing("e", "")
	s.Disconnecting("")
	s.Disconnected("")
	s.Upgraded("")
	if s.Error(errors.New("nobody handles it")) || s.HasOutgoing() || s.HasUpgrade() || s.all.Load() != nil {
		t.Error("there are functions")
	}
}

func TestEventsPassOnAnyThenMiddlewaresThenHandlers(t *testing.T) {
	var s Socket[int, string]
	var c calls
	refuse := false
	s.On("e", c.note("on"))
	off := s.On("e", c.note("off"))
	s.Once("e", c.note("once"))
	s.On("other", c.note("other"))
	s.Use(func(int) error {
		c.note("middleware")(0)
		if refuse {
			return errors.New("no")
		}
		return nil
	})
	s.OnAny(c.note("any"))
	unexpected := func(err error) { t.Error("refused:", err) }

	s.Event("e", 1, unexpected)
	c.expect(t, "any", "middleware", "on", "off", "once")
	off()
	off()
	s.Event("e", 1, unexpected)
	c.expect(t, "any", "middleware", "on")
	refuse = true
	s.Event("e", 1, func(error) { c.note("refused")(0) })
	c.expect(t, "any", "middleware", "refused")
}

func TestAMiddlewareMayChangeTheHandlersOfItsEvent(t *testing.T) {
	var s Socket[int, string]
	var c calls
	s.On("e", c.note("before"))
	s.Use(func(int) error {
		s.Off("e")
		s.On("e", c.note("after"))
		return nil
	})
	s.Event("e", 1, func(err error) { t.Error("refused:", err) })
	c.expect(t, "after")
}

func TestOffEndsTheWatchOverOutgoingEvents(t *testing.T) {
	var s Socket[int, string]
	var c calls
	off := s.OnAnyOutgoing(func(event, args string) { c.note(event + args)(0) })
	s.Outgoing("e", "[]")
	c.expect(t, "e[]")
	if !s.HasOutgoing() {
		t.Error("nobody watches")
	}
	off()
	s.Outgoing("e", "[]")
	c.expect(t)
	if s.HasOutgoing() {
		t.Error("somebody still watches")
	}
}
