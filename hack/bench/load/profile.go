// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// profile is of a server written in Go, while it is measured.
type profile struct {
	url, file string
	cpu       chan error
}

// startProfile begins one, or returns nil if none is asked for.
func startProfile(o *options) *profile {
	if o.pprof == "" {
		return nil
	}
	p := &profile{url: "http://" + o.pprof + "/debug/pprof/", file: o.profileTo, cpu: make(chan error, 1)}
	query := fmt.Sprintf("profile?seconds=%d", max(1, int(o.duration/time.Second)))
	go func() { p.cpu <- p.fetch(query, ".cpu") }()
	return p
}

// finish writes FILE.cpu, of the time of the measurement, and FILE.heap, of what is in use now.
func (p *profile) finish() error {
	if p == nil {
		return nil
	}
	return errors.Join(<-p.cpu, p.fetch("heap?gc=1", ".heap"))
}

func (p *profile) fetch(what, suffix string) error {
	answer, err := http.Get(p.url + what)
	if err != nil {
		return fmt.Errorf("fetch a profile: %w", err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("fetch a profile: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("fetch a profile: %s: %s", answer.Status, data)
	}
	if err := os.WriteFile(p.file+suffix, data, 0o644); err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	return nil
}
