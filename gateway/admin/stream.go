// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
)

// waiting is how many lines may wait for the one who reads them.
const waiting = 256

// sample takes some lines of what happens: at most so many a second, and for a time. Its methods do
// not block, since those call them who serve clients.
type sample struct {
	bounds
	limiter *rate.Limiter
	lines   chan gatewayadmin.Line
	missed  atomic.Int64
}

// bounds are what a request asks for.
type bounds struct {
	time time.Duration
	rate int // lines a second
	args int // bytes of arguments in a line
}

func parseBounds(query url.Values) (b bounds, err error) {
	seconds, err := number(query, "seconds", gatewayadmin.DefaultSeconds, gatewayadmin.MaxSeconds)
	if err != nil {
		return b, err
	}
	b.time = time.Duration(seconds) * time.Second
	if b.rate, err = number(query, "rate", gatewayadmin.DefaultRate, gatewayadmin.MaxRate); err != nil {
		return b, err
	}
	b.args, err = number(query, "args", 0, gatewayadmin.MaxArgs)
	return b, err
}

func newSample(b bounds) *sample {
	return &sample{bounds: b, limiter: rate.NewLimiter(rate.Limit(b.rate), b.rate), lines: make(chan gatewayadmin.Line, waiting)}
}

// take takes a line, which is made only if there is room for it.
func (s *sample) take(make func() gatewayadmin.Line) {
	if !s.limiter.Allow() {
		s.missed.Add(1)
		return
	}
	line := make()
	line.Time = time.Now()
	select {
	case s.lines <- line:
	default:
		s.missed.Add(1)
	}
}

// cut returns the part of arguments that is asked for.
func (s *sample) cut(args []byte) string {
	if s.args == 0 {
		return ""
	}
	if len(args) > s.args {
		return string(args[:s.args]) + "…"
	}
	return string(args)
}

// stream serves a sample that begin begins. When it is over, or who has asked is gone, it calls
// what begin returned.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, begin func(context.Context, *sample) (end func())) {
	b, err := parseBounds(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		http.Error(w, "others look at this gateway already, as many as may at the same time: 8", http.StatusTooManyRequests)
		return
	}
	s.Log.Info("asked by a person", "path", r.URL.Path, "query", r.URL.RawQuery)
	ctx, cancel := context.WithTimeout(r.Context(), b.time)
	defer cancel()
	sampled := newSample(b)
	defer begin(ctx, sampled)()
	s.write(ctx, w, sampled)
}

// write writes lines as they come. It ends when one cannot be written.
func (s *Server) write(ctx context.Context, w http.ResponseWriter, sampled *sample) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out, encoder := http.NewResponseController(w), json.NewEncoder(w)
	alive := time.NewTicker(s.alive)
	defer alive.Stop()
	line := gatewayadmin.Line{Kind: gatewayadmin.KindAlive, Time: time.Now()} // says that it has begun
	for {
		line.Missed = int(sampled.missed.Swap(0))
		if encoder.Encode(line) != nil || out.Flush() != nil {
			return
		}
		select {
		case line = <-sampled.lines:
		case now := <-alive.C:
			line = gatewayadmin.Line{Kind: gatewayadmin.KindAlive, Time: now}
		case <-ctx.Done():
			return
		}
	}
}
