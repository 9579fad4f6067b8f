// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestRevocationsAreWrittenAsEver(t *testing.T) {
	samples := goldentest.Read(t, "testdata/wire/v1/revocation.txt")
	documents := map[string]string{
		"user":         `{"entry":"users","user":"anna@example.com"}`,
		"user, before": `{"user":"anna","issuedBefore":1764460800000}`,
		"id":           `{"entry":"users","id":"4.7"}`,
		"issued":       `{"issuedBefore":1764460800000}`,
	}
	if len(samples) != len(documents)+2 {
		t.Errorf("%d golden samples, and %d are tested", len(samples), len(documents)+2)
	}
	for name, document := range documents {
		r, err := parseRequest([]byte(document))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := string(goldentest.Sample(t, samples, name))
		if got := r.key() + " " + string(r.value().encode()); got != want {
			t.Errorf("%s: written as %s, want %s", name, got, want)
		}
	}
	both := userKey("", "anna") + " " + string(value{}.and(value{Before: 1764460800000}).encode())
	if want := string(goldentest.Sample(t, samples, "user, both")); both != want {
		t.Errorf("a ban and a time are written as %s, want %s", both, want)
	}
	if got, want := BucketName("default/chat"), string(goldentest.Sample(t, samples, "bucket")); got != want {
		t.Errorf("the bucket is %s, want %s", got, want)
	}
}

func TestWhatIsRevoked(t *testing.T) {
	now := time.Now()
	id := socketio.Identity{Provider: "users", User: "anna", TokenID: "7", Issued: now.Add(-time.Hour)}
	for name, test := range map[string]struct {
		key, value string
		stored     time.Duration
		want       bool
	}{
		"a user":                        {userKey("users", "anna"), `{}`, 0, true},
		"a user of all entries":         {userKey("", "anna"), `{"later":[1]}`, 0, true},
		"another user":                  {userKey("users", "ann"), `{}`, 0, false},
		"a banned user with a time":     {userKey("", "anna"), `{"rest":1}`, 0, true},
		"a user of another entry":       {userKey("devices", "anna"), `{}`, 0, false},
		"an id":                         {idKey("users", "7"), `{}`, 0, true},
		"an id of all entries":          {idKey("", "7"), `{}`, 0, true},
		"another id":                    {idKey("users", "8"), `{}`, 0, false},
		"what was issued in time":       {issuedKey("users"), `{"before":1}`, 0, false},
		"what was issued long ago":      {issuedKey(""), `{"before":253402300799000}`, 0, true},
		"of another entry":              {issuedKey("devices"), `{"before":253402300799000}`, 0, false},
		"an older token of a user":      {userKey("", "anna"), `{"before":253402300799000}`, 0, true},
		"a newer token of a user":       {userKey("", "anna"), `{"before":1}`, 0, false},
		"almost not any more":           {userKey("", "anna"), `{}`, -24*time.Hour + time.Minute, true},
		"not any more":                  {userKey("", "anna"), `{}`, -24 * time.Hour, false},
		"a value of another form":       {userKey("", "anna"), `[]`, 0, false},
		"a key of another form":         {"team.t.tYW5uYQ", `{}`, 0, false},
		"a user whose name is an id's":  {userKey("", "7"), `{}`, 0, false},
		"an id that is the user's name": {idKey("", "anna"), `{}`, 0, false},
	} {
		l := marks{}
		if m, ok := readMark([]byte(test.value), now.Add(test.stored), 24*time.Hour); ok {
			l[test.key] = m
		}
		if got := l.revoke(&id, now); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
	l := marks{idKey("", ""): {until: now.Add(time.Hour)}, issuedKey(""): {until: now.Add(time.Hour), before: time.UnixMilli(1)}}
	if l.revoke(&socketio.Identity{Provider: "users", User: "anna", Issued: now}, now) {
		t.Error("a token without an id is revoked by one")
	}
	if !l.revoke(&socketio.Identity{Provider: "users", User: "anna"}, now) {
		t.Error("a token that does not say when it was issued is not revoked by a time")
	}
}
