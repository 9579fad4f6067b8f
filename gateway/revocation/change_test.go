// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestAChangeOfWhatKeepsChangingEnds(t *testing.T) {
	_, bucket := startStore(t)
	calls := 0
	meanwhile := func(write func() error) func(*value) (*value, error) {
		return func(*value) (*value, error) {
			calls++
			return &value{}, write()
		}
	}
	err := change(t.Context(), bucket, "user.t.tYQ", meanwhile(func() error {
		_, err := bucket.Put(t.Context(), "user.t.tYQ", []byte(`{"before":1}`))
		return err
	}))
	if !errors.Is(err, errChanging) || calls != maxAttempts {
		t.Errorf("after %d attempts the error is %v", calls, err)
	}
	if got := stored(t, bucket, "user.t.tYQ"); got != `{"before":1}` {
		t.Errorf("%s is stored", got)
	}
}

func TestALiftAndANewRevocation(t *testing.T) {
	_, bucket := startStore(t)
	if _, err := bucket.Put(t.Context(), "user.t.tYQ", []byte(`{"before":1}`)); err != nil {
		t.Fatal(err)
	}
	first := true
	err := change(t.Context(), bucket, "user.t.tYQ", func(have *value) (*value, error) {
		left, err := lift(value{Before: 1})(have)
		if first {
			first = false
			if _, err := bucket.Put(t.Context(), "user.t.tYQ", []byte(`{}`)); err != nil {
				return nil, err
			}
		}
		return left, err
	})
	var refused *Error
	if got := stored(t, bucket, "user.t.tYQ"); !errors.As(err, &refused) || got != `{}` {
		t.Errorf("%s is stored, with %v", got, err)
	}
}

// Gateways may know what the bucket has lost: the lift of it reaches them.
func TestTheLiftOfNothingIsWritten(t *testing.T) {
	s, bucket := startStore(t)
	for range 2 {
		if status, text := s.ask(t, `{"user":"anna","lift":true}`); status != 200 {
			t.Fatalf("answered %d %s", status, text)
		}
		history, err := bucket.History(t.Context(), userKey("", "anna"))
		if err != nil || len(history) != 1 || history[0].Operation() != jetstream.KeyValueDelete {
			t.Errorf("the history is %v, %v", history, err)
		}
	}
}

func TestAConflictOfAStreamOfSeveralReplicas(t *testing.T) {
	refused := &jetstream.APIError{ErrorCode: jetstream.JSErrCodeStreamWrongLastSequenceConstant}
	if !changedMeanwhile(fmt.Errorf("store: %w", refused)) || changedMeanwhile(errors.New("timeout")) || changedMeanwhile(nil) {
		t.Error("it is not told apart")
	}
}

// While a bucket is filled again, programs revoke: whatever is stricter is in force.
func TestABucketThatWasLostLosesNothing(t *testing.T) {
	s, bucket := startStore(t)
	now := time.Now()
	keys := map[string]struct{ known, stored, want string }{
		"user.t.tYQ": {`{}`, `{"before":2000}`, `{"rest":2000}`},
		"user.t.tYg": {`{"before":3000}`, `{"before":2000}`, `{"before":3000}`},
		"user.t.tYw": {`{"before":1000}`, `{"rest":2000}`, `{"rest":2000}`},
		"user.t.tZA": {`{}`, ``, `{}`},
	}
	read := marks{}
	for key, test := range keys {
		s.marks[key], _ = readMark([]byte(test.known), now, time.Hour)
		if test.stored == "" {
			continue
		}
		read[key], _ = readMark([]byte(test.stored), now.Add(time.Minute), time.Hour)
		if _, err := bucket.Put(t.Context(), key, []byte(test.stored)); err != nil {
			t.Fatal(err)
		}
	}
	s.marks["user.t.tZQ"] = newMark(value{}, now) // it has ended
	s.loaded, s.created = true, now
	s.replace(t.Context(), bucket, read, now.Add(time.Second))
	for key, test := range keys {
		if test.stored != "" && !s.marks[key].until.Equal(now.Add(time.Hour+time.Minute)) {
			t.Errorf("%s ends at %v", key, s.marks[key].until)
		}
		if got := string(s.marks[key].value.encode()); got != test.want {
			t.Errorf("%s: %s is in force, want %s", key, got, test.want)
		}
		if got := stored(t, bucket, key); got != test.want {
			t.Errorf("%s: %s is stored, want %s", key, got, test.want)
		}
	}
	if len(s.marks) != len(keys) || stored(t, bucket, "user.t.tZQ") != "nothing" {
		t.Errorf("what has ended is in force: %v", s.marks)
	}
}
