// SPDX-License-Identifier: Apache-2.0

package patience

import (
	"testing"
	"time"
)

func TestThoseWhoBeginTogetherShareATimer(t *testing.T) {
	const long = time.Hour
	p := New(long)
	first := p.Over()
	if p.Over() != first {
		t.Error("the second has a timer of its own")
	}
	if left := time.Until(p.until); left < long || left > long+long/8 {
		t.Errorf("they wait for %v", left)
	}
	p.until = p.until.Add(-long / 8) // as for one who comes later
	if p.Over() == first {
		t.Error("one who comes later waits for less than it may")
	}
}

func TestItEnds(t *testing.T) {
	const short = 20 * time.Millisecond
	began := time.Now()
	<-New(short).Over()
	if waited := time.Since(began); waited < short {
		t.Errorf("it has ended after %v", waited)
	}
}
