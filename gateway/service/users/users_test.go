// SPDX-License-Identifier: Apache-2.0

package users_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/service/users"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

var toUser = []v1alpha1.Handler{{Do: []v1alpha1.Action{{}, {Emit: &v1alpha1.EmitAction{To: v1alpha1.EmitToUser}}}}}

func TestWhoseUsersAreAddressed(t *testing.T) {
	yes, no := true, false
	people := []string{"people"}
	others := []v1alpha1.Handler{{Do: []v1alpha1.Action{{Emit: &v1alpha1.EmitAction{To: v1alpha1.EmitToOthers}}}}}
	for name, test := range map[string]struct {
		got  users.Users
		want bool
	}{
		"nobody asks for it":     {users.Of(people, nil, others, false), false},
		"a handler does":         {users.Of(people, nil, toUser, false), true},
		"programs may":           {users.Of(people, nil, others, true), true},
		"programs may not":       {users.Of(people, &no, others, true), false},
		"the manifest says so":   {users.Of(people, &yes, nil, false), true},
		"all are anonymous":      {users.Of(nil, nil, nil, true), false},
		"nothing is said at all": {users.Users{}, false},
	} {
		if test.got.Addressed != test.want {
			t.Errorf("%s: %v", name, test.got.Addressed)
		}
	}
}

func TestRoomsOfUsers(t *testing.T) {
	one, two := users.Of([]string{"people"}, nil, toUser, false), users.Of([]string{"people", "devices"}, nil, toUser, false)
	for _, test := range []struct {
		users       users.Users
		entry, want string
	}{
		{one, "", "people"}, {one, "people", "people"}, {two, "devices", "devices"},
	} {
		got, err := test.users.Rooms(test.entry, []string{"ada", "", "bob", strings.Repeat("a", 16<<10+1)})
		if want := []string{userroom.Of(test.want, "ada"), userroom.Of(test.want, "bob")}; err != nil || !slices.Equal(got, want) {
			t.Errorf("entry %q: %q, %v", test.entry, got, err)
		}
	}
	// No room is not all rooms.
	if got, err := one.Rooms("", []string{""}); got == nil || len(got) > 0 || err != nil {
		t.Errorf("nobody: %#v, %v", got, err)
	}
	off := users.Of([]string{"people"}, nil, nil, false)
	for _, test := range []struct {
		users       users.Users
		entry, want string
	}{
		{two, "", "name one of"}, {one, "devices", `no entry "devices"`}, {off, "", "addressUsers"}, {users.Users{}, "", "no authentication"},
	} {
		if _, err := test.users.Rooms(test.entry, []string{"ada"}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("entry %q: %v, want %q", test.entry, err, test.want)
		}
	}
}
