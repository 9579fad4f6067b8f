// SPDX-License-Identifier: Apache-2.0

// Package panics reports panics that end one client, or drop one message, and not the process.
package panics

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
)

// PlaceMessage is the place of a panic that a message of NATS has caused: the message is dropped,
// and the next one is handled.
const PlaceMessage = "message"

// Watch logs and counts panics, by the place where they were recovered. Safe for concurrent use.
type Watch struct {
	log   *slog.Logger
	count func(place string)
	limit loglimit.Limit[string]
}

// NewWatch makes a Watch. count may be nil.
func NewWatch(log *slog.Logger, count func(place string)) *Watch {
	return &Watch{log: log, count: count}
}

// Catch recovers a panic. It is deferred, before any lock is taken that the function releases by
// defer.
func (w *Watch) Catch(place string, about ...any) {
	if value := recover(); value != nil {
		w.Tell(place, value, about...)
	}
}

// CatchRequest recovers a panic of an HTTP handler, and panics with the value by which net/http
// ends a request without logging it. It is deferred. It does not report a panic with that value.
func (w *Watch) CatchRequest(place string) {
	value := recover()
	if value == nil {
		return
	}
	if !IsAbort(value) {
		w.Tell(place, value)
	}
	panic(http.ErrAbortHandler)
}

// IsAbort reports whether an HTTP handler has panicked only to end its request.
func IsAbort(value any) bool {
	err, ok := value.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// Tell reports a panic that the caller has recovered, in a deferred function, so that the stack
// still shows the place. about are attributes for the log.
func (w *Watch) Tell(place string, value any, about ...any) {
	stack := debug.Stack()
	if p, ok := value.(*apart.Panic); ok {
		value, stack = p.Value, p.Stack
	}
	if w.count != nil {
		w.count(place)
	}
	about = append(about[:len(about):len(about)], "place", place, "panic", value, "stack", string(stack))
	w.limit.Log(place,
		func() { w.log.Error("a panic was stopped", about...) },
		func(more int) {
			w.log.Error("panics were stopped that were not logged in the last minute", "place", place, "more", more)
		})
}
