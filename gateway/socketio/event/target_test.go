// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

func TestTarget(t *testing.T) {
	var all event.Target
	for name, tt := range map[string]struct {
		got, want event.Target
		nobody    bool
	}{
		"the whole namespace":                {all, event.Target{}, false},
		"rooms, but none is named":           {all.With(nil), event.Target{Rooms: []string{}}, true},
		"a room that is named twice":         {all.With([]string{"a"}).With([]string{"b", "a"}), event.Target{Rooms: []string{"a", "b"}}, false},
		"a room that is named twice at once": {event.Target{Rooms: []string{"a", "a"}}.Once(), event.Target{Rooms: []string{"a"}}, false},
		"nobody, once":                       {event.Target{Rooms: []string{}}.Once(), event.Target{Rooms: []string{}}, true},
		"all but the members of rooms":       {all.Without([]string{"a"}).Without([]string{"a", "b"}), event.Target{Except: []string{"a", "b"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.got); diff != "" {
				t.Error(diff)
			}
			if tt.got.Nobody() != tt.nobody {
				t.Errorf("Nobody is %v", tt.got.Nobody())
			}
		})
	}
}

// A half-made target can be kept, and used for several.
func TestTargetsShareNoMemory(t *testing.T) {
	kept := event.Target{}.With([]string{"a", "b"})
	one, other := kept.With([]string{"c"}), kept.With([]string{"d"})
	if diff := cmp.Diff([]string{"a", "b", "c"}, one.Rooms); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a", "b", "d"}, other.Rooms); diff != "" {
		t.Error(diff)
	}
}
