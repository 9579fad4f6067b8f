// SPDX-License-Identifier: Apache-2.0

package maintenance

import (
	"errors"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func window(schedule, zone string, duration time.Duration) v1alpha1.MaintenanceWindow {
	return v1alpha1.MaintenanceWindow{Schedule: schedule, TimeZone: zone, Duration: v1alpha1.Age{Duration: v1alpha1.Duration{Duration: duration}}}
}

func TestOpen(t *testing.T) {
	saturdays := window("0 3 * * 6", "Europe/Berlin", 2*time.Hour)
	for name, tt := range map[string]struct {
		window v1alpha1.MaintenanceWindow
		now    string
		open   bool
		next   string
	}{
		"before it":             {saturdays, "2026-11-28T01:59:59Z", false, "2026-11-28T02:00:00Z"},
		"as it begins":          {saturdays, "2026-11-28T02:00:00Z", true, "2026-12-05T02:00:00Z"},
		"just before its end":   {saturdays, "2026-11-28T03:59:59Z", true, "2026-12-05T02:00:00Z"},
		"at its end":            {saturdays, "2026-11-28T04:00:00Z", false, "2026-12-05T02:00:00Z"},
		"on another day":        {saturdays, "2026-11-29T02:30:00Z", false, "2026-12-05T02:00:00Z"},
		"in summer":             {saturdays, "2026-07-04T01:00:00Z", true, "2026-07-11T01:00:00Z"},
		"without a zone":        {window("0 3 * * *", "", time.Hour), "2026-11-28T03:30:00Z", true, "2026-11-29T03:00:00Z"},
		"over midnight":         {window("0 23 * * *", "Etc/UTC", 2*time.Hour), "2026-11-28T00:30:00Z", true, "2026-11-28T23:00:00Z"},
		"windows that overlap":  {window("@hourly", "Etc/UTC", 3*time.Hour), "2026-11-28T00:30:00Z", true, "2026-11-28T01:00:00Z"},
		"on the day in January": {window("0 0 1 1 *", "Etc/UTC", time.Hour), "2026-11-28T00:30:00Z", false, "2027-01-01T00:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := Parse(tt.window)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.Open(now); got != tt.open {
				t.Errorf("it is open: %v", got)
			}
			if got := w.Next(now).UTC().Format(time.RFC3339); got != tt.next {
				t.Errorf("it opens next at %s, want %s", got, tt.next)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for name, tt := range map[string]struct {
		window v1alpha1.MaintenanceWindow
		zone   bool
	}{
		"a word":                    {window("tonight", "", time.Hour), false},
		"an hour that is not":       {window("0 24 * * *", "", time.Hour), false},
		"a day that is not":         {window("0 0 30 2 *", "", time.Hour), false},
		"seconds":                   {window("0 0 3 * * 6", "", time.Hour), false},
		"a period":                  {window("@every 1h", "", time.Hour), false},
		"a zone in the schedule":    {window("TZ=Etc/UTC 0 3 * * 6", "", time.Hour), false},
		"a zone, and nothing else":  {window("TZ=0", "", time.Hour), false},
		"a zone that is not":        {window("0 3 * * 6", "Europe/Atlantis", time.Hour), true},
		"the zone of a machine":     {window("0 3 * * 6", "Local", time.Hour), true},
		"a file outside of the map": {window("0 3 * * 6", "../etc/passwd", time.Hour), true},
	} {
		t.Run(name, func(t *testing.T) {
			w, err := Parse(tt.window)
			if err == nil {
				t.Fatalf("it is taken: %+v", w)
			}
			if got := errors.Is(err, ErrZone); got != tt.zone {
				t.Errorf("the mistake is in the zone: %v (%v)", got, err)
			}
		})
	}
}
