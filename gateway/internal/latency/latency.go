// SPDX-License-Identifier: Apache-2.0

// Package latency makes histograms of short times. Each has native buckets, which grow by a tenth
// and cost nothing while they are empty, for a Prometheus that reads them, and a few classic ones
// for all others, alerts among them.
package latency

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options returns the options of a histogram of seconds.
func Options(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help,
		Buckets:                         []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  100,
		NativeHistogramMinResetDuration: time.Hour,
	}
}

// New returns a histogram of seconds.
func New(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(Options(name, help))
}
