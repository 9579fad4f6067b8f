// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// waiting is a runtime with a handler for "wait" that stands still for something, and then answers.
func waiting(t *testing.T, p *pending) (*Runtime, string) {
	t.Helper()
	compiled := program(t, `
  - name: /
    handlers:
    - {event: wait, do: [{ack: "[]"}, {ack: "['went on']"}]}
    - {event: wait, do: [{ack: "['behind it']"}]}
    - {event: other, do: [{ack: "['other']"}]}
    - {event: disconnect, do: [{emit: {event: left, args: "[]"}}]}
`)
	compiled.namespaces["/"].events["wait"][0].steps[0] = func(r *run) error { return r.await(p) }
	return runtimeOf(t, compiled)
}

func TestWhatAHandlerStandsStillFor(t *testing.T) {
	for name, aside := range map[string]bool{"and so do other events": false, "and other events do not": true} {
		t.Run(name, func(t *testing.T) {
			release := make(chan struct{})
			p := &pending{aside: aside, timeout: time.Minute, wait: func(context.Context) { <-release }}
			_, url := waiting(t, p)
			c := connect(t, url)
			c.Send(`420["wait"]`, `421["other"]`)
			if aside {
				c.Expect(`431["other"]`)
			}
			close(release)
			c.Expect(`430["went on"]`)
			if !aside {
				c.Expect(`431["other"]`)
			}
		})
	}
}

func TestAWaitEndsWithItsTimeoutOrItsClient(t *testing.T) {
	for name, aside := range map[string]bool{"held": false, "aside": true} {
		t.Run(name, func(t *testing.T) {
			begun, ended := make(chan struct{}, 1), make(chan error, 1)
			p := &pending{aside: aside, timeout: time.Millisecond, wait: func(ctx context.Context) {
				begun <- struct{}{}
				<-ctx.Done()
				ended <- ctx.Err()
			}}
			r, url := waiting(t, p)
			c := connect(t, url)
			c.Send(`420["wait"]`)
			<-begun
			if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("after its timeout: %v", err)
			}
			c.Expect(`430["went on"]`)
			p.timeout = time.Hour
			witness := connect(t, url)
			c.Send(`421["wait"]`)
			<-begun
			c.Close()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("after its client: %v", err)
			}
			witness.Expect(`42["left"]`)
			if n := testutil.ToFloat64(r.failures.WithLabelValues("/")); n != 0 {
				t.Errorf("%v handlers have failed", n)
			}
		})
	}
}

// The next handlers run, and the connection lives.
func TestAPanicOfAWaitFailsItsHandler(t *testing.T) {
	for name, aside := range map[string]bool{"held": false, "aside": true} {
		t.Run(name, func(t *testing.T) {
			r, url := waiting(t, &pending{aside: aside, timeout: time.Minute, wait: func(context.Context) { panic("a bug") }})
			c := connect(t, url)
			c.Send(`420["wait"]`)
			c.Expect(`430["behind it"]`)
			c.Send(`421["other"]`)
			c.Expect(`431["other"]`)
			if n := testutil.ToFloat64(r.failures.WithLabelValues("/")); n != 1 {
				t.Errorf("%v handlers have failed", n)
			}
		})
	}
}
