// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// releaseHeader asks the owner to release a poll that waits.
	releaseHeader = "Realtime-Release"
	// releaseTimeout bounds that; the client waits for nothing meanwhile.
	releaseTimeout = 3 * time.Second
)

// Drain sends those elsewhere who come to other gateways' sessions through this one, evenly over a time: polls are answered with
// nothing in them, upon which their clients poll again, by a new connection; websockets are closed. It returns when that is
// done, or when the context ends; at once if nobody is there. What comes meanwhile is still forwarded.
func (f *Forwarder) Drain(ctx context.Context, over time.Duration) {
	f.leaving.Store(true)
	all := f.transits()
	if len(all) == 0 {
		return // a gateway that nobody uses need not stay
	}
	start := time.Now()
	for i, t := range all {
		at := time.Duration((float64(i) + rand.Float64()) / float64(len(all)) * float64(over))
		if !sleepUntil(ctx, start.Add(at)) {
			return
		}
		f.dismiss(ctx, t)
	}
	if !sleepUntil(ctx, start.Add(over)) {
		return
	}
	for _, t := range f.transits() { // who has come since
		f.dismiss(ctx, t)
	}
}

func (f *Forwarder) dismiss(ctx context.Context, t *transit) {
	switch {
	case t.isUpgrade():
		t.cancel()
	case t.isPoll():
		if err := f.release(ctx, t); err != nil {
			f.o.Log.Debug("cannot release a poll", "peer", t.address, "error", err)
			t.cancel()
		}
	}
}

// release has the owner answer a poll. To end it here would end the session.
func (f *Forwarder) release(ctx context.Context, t *transit) error {
	ctx, cancel := context.WithTimeout(ctx, releaseTimeout)
	defer cancel()
	u := *t.request.URL
	u.Scheme, u.Host = "https", t.address
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return fmt.Errorf("ask for a poll's release: %w", err)
	}
	r.Header.Set(clientAddressHeader, t.request.RemoteAddr)
	r.Header.Set(releaseHeader, "1")
	resp, err := f.transport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("ask for a poll's release: %w", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("ask for a poll's release: the owner answers %s", resp.Status)
	}
	return nil
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
