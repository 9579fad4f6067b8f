// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"testing"

	"go.uber.org/goleak"
)

// CheckNothingIsLeft is called first, so that it checks last.
func CheckNothingIsLeft(t *testing.T) {
	before := ignored()
	t.Cleanup(func() { goleak.VerifyNone(t, before...) })
}

// ignored are the goroutines that exist already, and those that servers leave behind when one of a
// cluster is stopped while it takes a stream over.
func ignored() []goleak.Option {
	const server = "github.com/nats-io/nats-server/v2/server."
	return []goleak.Option{
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction(server + "(*fileStore).flushStreamStateLoop"),
		goleak.IgnoreAnyFunction(server + "(*msgBlock).flushLoop"),
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server/ats.Register.func1"),
	}
}
