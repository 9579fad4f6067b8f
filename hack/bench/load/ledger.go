// SPDX-License-Identifier: Apache-2.0

package main

// seen is what one receiver has had of one sender: the highest sequence, and which of the 64 up to
// it.
type seen struct {
	last   int
	recent uint64
}

// ledger counts deliveries and what is wrong with them. What is lost is known at the end alone:
// what was to come, less what came.
type ledger struct {
	Deliveries int `json:"deliveries"` // without those that came before
	Repeated   int `json:"repeated"`
	Reordered  int `json:"reordered"`
}

// note takes a delivery. It returns false for one that came before.
func (l *ledger) note(s *seen, sequence int) bool {
	switch ahead := sequence - s.last; {
	case ahead > 0:
		if ahead < 64 {
			s.recent = s.recent<<ahead | 1
		} else {
			s.recent = 1
		}
		s.last = sequence
	case ahead <= -64 || s.recent&(1<<-ahead) != 0:
		l.Repeated++
		return false
	default: // it was missing until now
		l.Reordered++
		s.recent |= 1 << -ahead
	}
	l.Deliveries++
	return true
}
