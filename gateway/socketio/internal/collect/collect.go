// SPDX-License-Identifier: Apache-2.0

// Package collect gathers the answers of many.
package collect

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// Collector gathers answers that may arrive before it is known how many to expect. Safe for
// concurrent use.
type Collector[A any] struct {
	complete chan struct{} // closed when all have arrived
	left     error

	mu       sync.Mutex
	answers  []A  // guarded by mu
	gone     int  // receivers that left without an answer; guarded by mu
	expected int  // guarded by mu
	counted  bool // expected is known; guarded by mu
}

// New makes a Collector. left is the error for receivers that leave without an answer.
func New[A any](left error) *Collector[A] {
	return &Collector[A]{complete: make(chan struct{}), left: left}
}

// Add adds an answer or, if ok is false, counts a receiver that will not answer.
func (c *Collector[A]) Add(answer A, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok {
		c.answers = append(c.answers, answer)
	} else {
		c.gone++
	}
	c.check()
}

// Expect sets the number of receivers.
func (c *Collector[A]) Expect(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expected, c.counted = n, true
	c.check()
}

func (c *Collector[A]) check() {
	if c.counted && len(c.answers)+c.gone == c.expected {
		close(c.complete)
	}
}

// Wait returns the answers when all have arrived, or when the context ends. Its error says how many
// are missing.
func (c *Collector[A]) Wait(ctx context.Context) ([]A, error) {
	var err error
	select {
	case <-c.complete:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answers := slices.Clone(c.answers) // more may arrive until the caller stops asking
	switch missing := c.expected - len(answers); {
	case missing == 0:
		return answers, nil
	case err == nil:
		err = c.left
	}
	return answers, fmt.Errorf("%d of %d clients have not answered: %w", c.expected-len(answers), c.expected, err)
}
