// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// config makes a change of the configuration from a function, for brevity.
func with(f func(c *engineio.Config)) func(*engineio.Config) { return f }

// quick is a heartbeat that a test can wait for.
var quick = with(func(c *engineio.Config) {
	c.PingInterval, c.PingTimeout = 150*time.Millisecond, 100*time.Millisecond
})

// lively is quick, but for clients that must stay while the machine is busy.
var lively = with(func(c *engineio.Config) { c.PingInterval, c.PingTimeout = 150*time.Millisecond, time.Second })
