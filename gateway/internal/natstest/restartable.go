// SPDX-License-Identifier: Apache-2.0

package natstest

import (
	"net"
	"strconv"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
)

// Restartable is a NATS server that can come back on the same port, with what it had stored or
// without.
type Restartable struct {
	*natsserver.Server
	t *testing.T
	// Options are for the next Start.
	Options natsserver.Options
}

// StartRestartable starts one that stores.
func StartRestartable(t *testing.T) *Restartable {
	t.Helper()
	r := &Restartable{t: t, Options: natsserver.Options{JetStream: true, StoreDir: t.TempDir()}}
	o := r.Options
	r.Server = Start(t, &o)
	_, port, err := net.SplitHostPort(r.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if r.Options.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return r
}

// Stop stops it.
func (r *Restartable) Stop() {
	r.Shutdown()
	r.WaitForShutdown()
}

// Start has it come back.
func (r *Restartable) Start() {
	r.t.Helper()
	o := r.Options
	r.Server = Start(r.t, &o)
}
