// SPDX-License-Identifier: Apache-2.0

// Package panics tells of panics that end one client, or drop one message, and not the process.
package panics

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
)

// PlaceMessage is where a panic is stopped that a message of NATS has brought about: the message is
// dropped, and what comes after it is taken.
const PlaceMessage = "message"

// Watch logs panics and has them counted, by the place where they were stopped. Safe for concurrent
// use.
type Watch struct {
	log   *slog.Logger
	count func(place string)
	limit loglimit.Limit[string]
}

// NewWatch makes a Watch. There is nobody to count if count is nil.
func NewWatch(log *slog.Logger, count func(place string)) *Watch {
	return &Watch{log: log, count: count}
}

// Catch stops a panic. It is deferred, before any lock is taken that the function gives back by
// defer.
func (w *Watch) Catch(place string, about ...any) {
	if value := recover(); value != nil {
		w.Tell(place, value, about...)
	}
}

// CatchRequest stops a panic of an HTTP handler, and raises the one by which net/http ends a
// request without a word in its log. It is deferred. One that is that already is not told.
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

// IsAbort tells whether an HTTP handler has panicked only to end its request.
func IsAbort(value any) bool {
	err, ok := value.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// Tell tells of a panic that the caller has stopped, which is a deferred function, so that the
// stack still shows where. about are attributes for the log.
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
