// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"context"
	"errors"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/event"
)

func TestReceipt(t *testing.T) {
	first, second := errors.New("the first"), errors.New("the second")
	for name, tt := range map[string]struct {
		expected int
		outcomes []error
		known    bool
		want     error
	}{
		"nothing is expected":                     {0, nil, true, nil},
		"all are stored":                          {2, []error{nil, nil}, true, nil},
		"one has no outcome":                      {2, []error{nil}, false, nil},
		"the first error counts":                  {3, []error{nil, first, second}, true, first},
		"an error counts before all have come in": {2, []error{first}, true, first},
	} {
		t.Run(name, func(t *testing.T) {
			var r event.Receipt
			for range tt.expected {
				r.Expect()
			}
			calls, got := 0, error(nil)
			r.Notify(func(err error) { calls, got = calls+1, err })
			for _, err := range tt.outcomes {
				r.Resolve(err)
			}
			if known := calls == 1; known != tt.known || !errors.Is(got, tt.want) || calls > 1 {
				t.Errorf("it was told %d times, last %v", calls, got)
			}
			if n := r.Expected(); n != tt.expected {
				t.Errorf("it expected %d", n)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if tt.known {
				ctx = t.Context()
			} else {
				tt.want = context.Canceled
			}
			if err := r.Wait(ctx); !errors.Is(err, tt.want) {
				t.Errorf("the outcome is %v, want %v", err, tt.want)
			}
		})
	}
}

func TestWithoutAReceiptAllIsWell(t *testing.T) {
	var r *event.Receipt
	r.Expect()
	r.Resolve(errors.New("of no interest"))
	if err := r.Wait(t.Context()); err != nil || r.Expected() != 0 {
		t.Errorf("the outcome is %v, of %d", err, r.Expected())
	}
}
