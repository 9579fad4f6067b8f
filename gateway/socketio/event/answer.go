// SPDX-License-Identifier: Apache-2.0

package event

import (
	"context"
	"fmt"
)

// Answer is a client's acknowledgement, or its absence.
type Answer struct {
	Args Args
	OK   bool
}

// Await returns the acknowledgement of an event. It returns ErrDisconnected if the client has
// disconnected without one, and the context's error if that ends before.
func Await(ctx context.Context, answers <-chan Answer, event string) (Args, error) {
	select {
	case a := <-answers:
		if !a.OK {
			return Args{}, fmt.Errorf("wait for the acknowledgement of %s: %w", event, ErrDisconnected)
		}
		return a.Args, nil
	case <-ctx.Done():
		return Args{}, fmt.Errorf("wait for the acknowledgement of %s: %w", event, ctx.Err())
	}
}
