// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

// Clients that are still allowed stay, and each event is handled by one revision; see measure. make
// bench-reload does the same with 2,000 clients and 20 reloads.
func TestReloadsUnderLoad(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	s := settings{clients: 60, reloads: 6, between: 3, log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	r, err := measure(t.Context(), s, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if want := s.clients * s.between * (s.reloads + 1); r.events < want {
		t.Errorf("%d events were handled, want at least %d", r.events, want)
	}
	if r.leave != 30 || r.stay != 30 {
		t.Errorf("%d clients have left the floor, and %d are there; want 30 each", r.leave, r.stay)
	}
	t.Logf("\n%s", r.markdown())
}
