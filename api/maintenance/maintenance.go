// SPDX-License-Identifier: Apache-2.0

// Package maintenance says when maintenance windows are open. The operator asks it for the time of
// updates, and the checks of manifests for mistakes in schedules.
//
// It has the time zones of the world in it, since the image has none (half a megabyte).
package maintenance

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // see above

	"github.com/robfig/cron/v3"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Window is a maintenance window. Its methods may be called concurrently.
type Window struct {
	begins   cron.Schedule
	zone     *time.Location
	duration time.Duration
}

// ErrZone is the error of a time zone that nobody knows.
var ErrZone = errors.New("is no time zone such as Europe/Berlin")

// Parse reads a window. The error is ErrZone, or says what is wrong with the schedule.
func Parse(spec v1alpha1.MaintenanceWindow) (*Window, error) {
	zone, err := zoneOf(spec.TimeZone)
	if err != nil {
		return nil, err
	}
	// The library takes TZ=… before the schedule, which timeZone is for, and panics at some values.
	if strings.Contains(spec.Schedule, "TZ") {
		return nil, errors.New("name the time zone in timeZone")
	}
	// @every counts from whenever it is read, which is no time of the day.
	if strings.HasPrefix(strings.TrimSpace(spec.Schedule), "@every") {
		return nil, errors.New("@every has no time of the day")
	}
	begins, err := cron.ParseStandard(spec.Schedule)
	if err != nil {
		return nil, err
	}
	if begins.Next(time.Unix(0, 0)).IsZero() {
		return nil, errors.New("there is no such day")
	}
	return &Window{begins: begins, zone: zone, duration: spec.Duration.Duration.Duration}, nil
}

// zoneOf takes an empty name for UTC. Local, which is whatever the machine has, is no name.
func zoneOf(name string) (*time.Location, error) {
	if name == "Local" {
		return nil, ErrZone
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%q %w", name, ErrZone)
	}
	return zone, nil
}

// Open reports whether the window is open.
func (w *Window) Open(now time.Time) bool {
	begun := w.begins.Next(now.In(w.zone).Add(-w.duration))
	return !begun.IsZero() && !begun.After(now)
}

// Next returns when the window opens next, after now; the zero time if never.
func (w *Window) Next(now time.Time) time.Time { return w.begins.Next(now.In(w.zone)) }
