// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func load(t *testing.T, spec string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: s}\nspec: "+spec))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

const stored = `{recovery: {}, namespaces: [{name: /, rooms: [{name: lobby, autoJoin: true}],
  handlers: [{event: say, do: [{emit: {rooms: ["'lobby'"], event: said, args: "[now]"}}]}]}]}`

// away is many heartbeats.
const away = 15 * time.Minute

var noon = time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)

// inLab runs a service in a bubble. Failures are collected outside of it.
func inLab(t *testing.T, spec string, gateways int, do func(*Lab) error) {
	t.Helper()
	svc, dir := load(t, spec), t.TempDir()
	log := slog.New(slog.DiscardHandler)
	var err error
	Bubble(noon, func() {
		l, failed := Start(Options{Service: svc, Gateways: gateways, Issuer: NewIssuer(nil), StoreDir: dir, Log: log})
		if err = failed; err != nil {
			return
		}
		defer l.Close()
		err = do(l)
	})
	if err != nil {
		t.Error(err)
	}
}

// TestTheClockIsThatOfTheBubble has a client that answers pings, in bubbles one after the
// other: no timer of one may be left for the next.
func TestTheClockIsThatOfTheBubble(t *testing.T) {
	for range 2 {
		inLab(t, stored, 2, func(l *Lab) error {
			begun := time.Now()
			c, err := l.Connect(Visit{Namespace: "/", Gateway: 2})
			if err != nil {
				return err
			}
			Advance(away)
			if why := c.Left(); why != "" {
				return errors.New("after a while, " + why)
			}
			if _, err := c.Emit("say", nil, false); err != nil {
				return err
			}
			Settle()
			e, ok := c.Take("said")
			if now := begun.Add(away).Format("2006-01-02T15:04:05.000Z"); !ok || len(e.Args) != 1 || e.Args[0] != now {
				t.Errorf("after a while, at %s, it receives %v", now, e)
			}
			if begun.Before(noon) || begun.After(noon.Add(time.Minute)) {
				t.Errorf("the bubble begins at %s", begun)
			}
			return nil
		})
	}
}

// TestAClientWithoutNetworkIsMissed has the heartbeat find that a client is gone, and not before.
func TestAClientWithoutNetworkIsMissed(t *testing.T) {
	spec := `{protocol: {pingInterval: 10s, pingTimeout: 5s}, namespaces: [{name: /, handlers: [
	  {event: disconnect, do: [{emit: {event: left, args: "args"}}]}]}]}`
	inLab(t, spec, 1, func(l *Lab) error {
		lost, err := l.Connect(Visit{Namespace: "/"})
		if err != nil {
			return err
		}
		other, err := l.Connect(Visit{Namespace: "/"})
		if err != nil {
			return err
		}
		lost.Vanish()
		Advance(14 * time.Second)
		if _, told := other.Take("left"); told {
			t.Error("it is missed before the heartbeat")
		}
		Advance(2 * time.Second)
		if e, told := other.Take("left"); !told || len(e.Args) != 1 || e.Args[0] != "ping timeout" {
			t.Errorf("it is missed by %v", e)
		}
		return nil
	})
}

func TestOnlyOffsetsAreTakenForOffsets(t *testing.T) {
	made := time.UnixMilli(1_900_000_000_123)
	for s, want := range map[string]bool{
		"o8uixyt7.6": true, "o8uixyt7.zz": true, "o8uixyt7": false, "o8uixyt7.": false, ".6": false, "o8uixyt7.6.7": false,
		"report.pdf": false, "o8uixyt8.6": false, "o8uixyt6.6": false, "": false,
	} {
		if got := isOffset(s, made, made); got != want {
			t.Errorf("%q: %t", s, got)
		}
	}
}
