// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// startStore returns a store that follows no bucket, and the bucket.
func startStore(t *testing.T) (*Store, jetstream.KeyValue) {
	t.Helper()
	nc := natstest.Connect(t, natstest.StartJetStream(t).ClientURL())
	s := New(Options{Service: "default/chat", NATS: nc, Config: Config{Keep: time.Hour, Entries: []string{"users", "devices"}}, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(s.Close)
	bucket, err := s.bucket(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	return s, bucket
}

func (s *Store) ask(t *testing.T, document string) (int, string) {
	t.Helper()
	err := s.Revoke(t.Context(), []byte(document))
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Status, refused.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	return http.StatusOK, ""
}

// stored is what a key of a bucket has; nothing if it is not there.
func stored(t *testing.T, bucket jetstream.KeyValue, key string) string {
	t.Helper()
	entry, err := bucket.Get(t.Context(), key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return "nothing"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(entry.Value())
}

func TestOnlyALiftRevokesLess(t *testing.T) {
	s, bucket := startStore(t)
	const ban, old, new = `{"user":"U"}`, `{"user":"U","issuedBefore":1000000000000}`, `{"user":"U","issuedBefore":2000000000000}`
	lift := func(document string) string { return strings.TrimSuffix(document, "}") + `,"lift":true}` }
	conflict := func(what string) string {
		return "409 nothing is lifted, since something else is revoked: " + what
	}
	const atNew = "2033-05-18T03:33:20.000Z"
	for name, steps := range map[string][]struct{ document, answer, stored string }{
		"a time does not lift a ban": {
			{ban, "200 ", `{}`}, {old, "200 ", `{"rest":1000000000000}`}, {new, "200 ", `{"rest":2000000000000}`}, {old, "200 ", `{"rest":2000000000000}`},
			{lift(ban), "200 ", `{"before":2000000000000}`}, {lift(new), "200 ", "nothing"},
		},
		"a ban keeps an earlier time": {
			{new, "200 ", `{"before":2000000000000}`}, {ban, "200 ", `{"rest":2000000000000}`}, {ban, "200 ", `{"rest":2000000000000}`},
			{lift(new), "200 ", `{}`}, {lift(ban), "200 ", "nothing"},
		},
		"a time does not move back": {
			{new, "200 ", `{"before":2000000000000}`}, {old, "200 ", `{"before":2000000000000}`},
			{lift(old), conflict("those issued before " + atNew), `{"before":2000000000000}`}, {lift(new), "200 ", "nothing"},
		},
		"the lift of a time is none of a ban": {
			{ban, "200 ", `{}`}, {lift(old), conflict("all tokens, also later ones"), `{}`},
			{new, "200 ", `{"rest":2000000000000}`}, {lift(old), conflict("all tokens, also later ones, and by itself those issued before " + atNew), `{"rest":2000000000000}`},
		},
		"the lift of a ban is none of a time": {
			{old, "200 ", `{"before":1000000000000}`}, {lift(ban), conflict("those issued before 2001-09-09T01:46:40.000Z"), `{"before":1000000000000}`},
		},
		"the lift of nothing": {
			{lift(ban), "200 ", "nothing"}, {lift(old), "200 ", "nothing"}, {old, "200 ", `{"before":1000000000000}`}, {lift(old), "200 ", "nothing"}, {lift(old), "200 ", "nothing"},
		},
	} {
		for _, step := range steps {
			status, text := s.ask(t, strings.ReplaceAll(step.document, `"U"`, `"`+name+`"`))
			if got := fmt.Sprintf("%d %s", status, text); got != step.answer {
				t.Errorf("%s: %s is answered %s, want %s", name, step.document, got, step.answer)
			}
			if got := stored(t, bucket, userKey("", name)); got != step.stored {
				t.Errorf("%s: after %s %s is stored, want %s", name, step.document, got, step.stored)
			}
		}
	}
}

func TestTheTimeForAllDoesNotMoveBack(t *testing.T) {
	s, bucket := startStore(t)
	for _, step := range []struct {
		document string
		status   int
		stored   string
	}{
		{`{"issuedBefore":2000000000000}`, 200, `{"before":2000000000000}`},
		{`{"issuedBefore":1000000000000}`, 200, `{"before":2000000000000}`},
		{`{"lift":true}`, 400, `{"before":2000000000000}`},
		{`{"issuedBefore":1000000000000,"lift":true}`, 409, `{"before":2000000000000}`},
		{`{"issuedBefore":3000000000000}`, 200, `{"before":3000000000000}`},
		{`{"issuedBefore":3000000000000,"lift":true}`, 200, "nothing"},
	} {
		if status, text := s.ask(t, step.document); status != step.status {
			t.Errorf("%s is answered %d %s, want %d", step.document, status, text, step.status)
		}
		if got := stored(t, bucket, issuedKey("")); got != step.stored {
			t.Errorf("after %s %s is stored, want %s", step.document, got, step.stored)
		}
	}
}

// JetStream removes an entry when keep has passed since it was written.
func TestARevocationLastsFromTheLastTimeItWasAskedFor(t *testing.T) {
	s, bucket := startStore(t)
	var last jetstream.KeyValueEntry
	for _, document := range []string{`{"user":"anna"}`, `{"user":"anna"}`, `{"user":"anna","issuedBefore":2000000000000}`, `{"user":"anna","issuedBefore":1000000000000}`, `{"user":"anna","lift":true}`} {
		if status, text := s.ask(t, document); status != http.StatusOK {
			t.Fatalf("%s is answered %d %s", document, status, text)
		}
		entry, err := bucket.Get(t.Context(), userKey("", "anna"))
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && !entry.Created().After(last.Created()) {
			t.Errorf("%s is not written anew", document)
		}
		last = entry
	}
}

func TestGatewaysThatRevokeAtOnceLoseNothing(t *testing.T) {
	s, bucket := startStore(t)
	another := New(s.options)
	t.Cleanup(another.Close)
	var all sync.WaitGroup
	for n, document := range []string{`{"user":"anna"}`, `{"user":"anna","issuedBefore":1000000000000}`, `{"user":"anna","issuedBefore":3000000000000}`, `{"user":"anna","issuedBefore":2000000000000}`} {
		all.Go(func() {
			if status, text := []*Store{s, another}[n%2].ask(t, document); status != http.StatusOK {
				t.Errorf("%s is answered %d %s", document, status, text)
			}
		})
	}
	all.Wait()
	if got, want := stored(t, bucket, userKey("", "anna")), `{"rest":3000000000000}`; got != want {
		t.Errorf("%s is stored, want %s", got, want)
	}
}
