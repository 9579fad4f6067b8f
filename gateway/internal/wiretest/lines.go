// SPDX-License-Identifier: Apache-2.0

package wiretest

import (
	"log/slog"
	"strings"
	"sync"
)

// Lines is what has been logged. Safe for concurrent use.
type Lines struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

// Logger writes to it.
func (l *Lines) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// Write adds to it.
func (l *Lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// All is everything.
func (l *Lines) All() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Has reports whether something was logged.
func (l *Lines) Has(what string) bool { return l.Count(what) > 0 }

// Count is how often.
func (l *Lines) Count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}
