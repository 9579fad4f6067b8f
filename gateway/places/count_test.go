// SPDX-License-Identifier: Apache-2.0

package places

import (
	"context"
	"testing"
	"time"
)

// behind is a log of which a replica that answers has nothing yet, as happens right behind a write.
type behind struct{ t *testing.T }

func (behind) ID() string                                                            { return "one" }
func (behind) Read(context.Context, string) ([]byte, uint64, error)                  { return nil, 0, nil }
func (behind) Write(context.Context, string, []byte, uint64) (uint64, error)         { return 7, nil }
func (behind) IsLost(context.Context, string) bool                                   { return false }
func (behind) Away() time.Duration                                                   { return time.Minute }
func (behind) Keeps() time.Duration                                                  { return time.Minute }
func (behind) Go(f func())                                                           { go f() }
func (b behind) Life() context.Context                                               { return b.t.Context() }
func (behind) ReadAll(context.Context, []string, func(string, []byte, uint64)) error { return nil }

func TestAGatewayCountsWhatItHasDoneItself(t *testing.T) {
	k := New(behind{t})
	capacity := func(string) int { return 2 }
	k.capacity.Store(&capacity)
	if err := k.Take("ada", Wish{"table", 2})[0]; err != nil {
		t.Fatal(err)
	}
	if counts, err := k.Counts(t.Context(), []string{"table", "other"}); err != nil || counts["table"] != 1 || counts["other"] != 0 {
		t.Errorf("%v, %v", counts, err)
	}
}
