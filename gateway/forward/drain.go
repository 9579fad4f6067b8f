// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const (
	// releaseHeader asks the owner to release a waiting poll.
	releaseHeader = "Realtime-Release"
	// releaseTimeout bounds one such request, and releaseAgain is the pause between two: the first
	// may arrive before the poll does, and a busy owner may answer late. The client waits for
	// nothing meanwhile.
	releaseTimeout = 5 * time.Second
	releaseAgain   = 200 * time.Millisecond
)

// Drain sends the clients of other gateways' sessions elsewhere that come through this one, evenly
// over a time: polls are answered empty, so that their clients poll again, over a new connection;
// websockets are closed. It returns when that is done and all requests have been answered, or when
// the context ends; at once if there are none. Requests are still forwarded during and after that,
// but then waiting polls are released at once.
func (f *Forwarder) Drain(ctx context.Context, over time.Duration) {
	f.leaving.Store(true)
	var releasing sync.WaitGroup
	defer releasing.Wait()
	if all := f.transits(); len(all) > 0 { // a gateway that nobody uses need not stay
		f.dismissAll(ctx, all, over, &releasing)
	}
	f.parting.Store(true)
	rest := f.transits() // that have come since
	for _, t := range rest {
		f.dismiss(ctx, t, &releasing)
	}
	for _, t := range rest {
		select {
		case <-t.done:
		case <-ctx.Done():
			return
		}
	}
}

func (f *Forwarder) dismissAll(ctx context.Context, all []*transit, over time.Duration, releasing *sync.WaitGroup) {
	start := time.Now()
	for i, t := range all {
		at := time.Duration((float64(i) + rand.Float64()) / float64(len(all)) * float64(over))
		if !sleepUntil(ctx, start.Add(at)) {
			return
		}
		f.dismiss(ctx, t, releasing)
	}
	sleepUntil(ctx, start.Add(over))
}

// dismiss closes a websocket, or begins to release a poll. A POST is answered soon.
func (f *Forwarder) dismiss(ctx context.Context, t *transit, releasing *sync.WaitGroup) {
	switch {
	case t.isUpgrade():
		t.cancel()
	case t.isPoll():
		releasing.Go(func() { f.release(ctx, t) })
	}
}

// release makes the owner answer a poll, and returns when that is done. Ending the poll here would
// end the session.
func (f *Forwarder) release(ctx context.Context, t *transit) {
	for {
		if err := f.askForRelease(ctx, t); err != nil {
			f.o.Log.Debug("cannot release a poll", "peer", t.address, "error", err)
		}
		select {
		case <-t.done:
			return
		case <-ctx.Done():
			return
		case <-time.After(releaseAgain):
		}
	}
}

func (f *Forwarder) askForRelease(ctx context.Context, t *transit) error {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, transitKey{}, t), releaseTimeout)
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
