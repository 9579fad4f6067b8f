// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"time"
)

const (
	// contestLimit is how often in a row the operator takes its parts of an object back. Each time
	// may replace pods.
	contestLimit = 5
	// contestPause is how long the operator then leaves them, and how long nobody must have written
	// there for a row to end.
	contestPause = 10 * time.Minute
)

// ContestedError is the error for an object that another program changes as often as the operator
// sets it back.
type ContestedError struct {
	// Name is the object's kind and name.
	Name string
	// Who says which manager has written what.
	Who string
}

func (e *ContestedError) Error() string {
	return e.Name + " is changed each time the operator sets it back: " + e.Who +
		"; stop that program, or have it leave this object alone. The operator tries again every 10 minutes"
}

// contest is how often in a row the operator has taken its parts of an object back.
type contest struct {
	times int
	last  time.Time
}

// lost reports whether the operator leaves the object to others for now.
func (c contest) lost(now time.Time) bool {
	return c.times >= contestLimit && now.Sub(c.last) < contestPause
}

// another returns the contest after one more time.
func (c contest) another(now time.Time) contest {
	if now.Sub(c.last) >= contestPause {
		c.times = 0
	}
	return contest{c.times + 1, now}
}
