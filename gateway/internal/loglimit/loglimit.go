// SPDX-License-Identifier: Apache-2.0

// Package loglimit bounds how many lines of one kind are logged, since one client could otherwise
// fill the log, and reports how many were left out.
package loglimit

import (
	"fmt"
	"log/slog"
	"sync"
	"time"
)

const (
	// Lines is how many lines of a kind are logged in a Period, which begins with the first.
	Lines = 20
	// Period is how long further lines are counted.
	Period = time.Minute
)

// Limit bounds the lines of each kind separately. Clients must not determine the number of kinds:
// each takes some memory and a timer for a Period. The zero value is ready for use. Safe for
// concurrent use.
type Limit[K comparable] struct {
	mu    sync.Mutex
	kinds map[K]int // lines of this period, by kind; guarded by mu
}

// Log calls line, which logs one line, unless there were too many of its kind. In that case rest is
// called at the end of the period with the number of omitted lines. The rest of a period's first
// line is used.
func (l *Limit[K]) Log(kind K, line func(), rest func(more int)) {
	if l.count(kind, rest) <= Lines {
		line()
	}
}

// Warn logs a warning with attributes. The line of the rest has its text, and no attributes but
// those of the log.
func (l *Limit[K]) Warn(log *slog.Logger, kind K, text string, attrs ...any) {
	l.Log(kind,
		func() { log.Warn(text, attrs...) },
		func(more int) { log.Warn(fmt.Sprintf("%s: %d more in the last minute", text, more)) })
}

func (l *Limit[K]) count(kind K, rest func(more int)) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kinds == nil {
		l.kinds = map[K]int{}
	}
	l.kinds[kind]++
	n := l.kinds[kind]
	if n == 1 {
		time.AfterFunc(Period, func() { l.end(kind, rest) })
	}
	return n
}

// end ends the period of a kind.
func (l *Limit[K]) end(kind K, rest func(more int)) {
	l.mu.Lock()
	more := l.kinds[kind] - Lines
	delete(l.kinds, kind)
	l.mu.Unlock()
	if more > 0 {
		rest(more)
	}
}
