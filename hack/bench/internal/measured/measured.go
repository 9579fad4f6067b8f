// SPDX-License-Identifier: Apache-2.0

// Package measured is what hack/bench/load prints, hack/bench/run keeps, and what reads it again
// takes.
package measured

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Result is what a load has measured; what does not concern it is 0.
type Result struct {
	Suite   string  `json:"suite"`
	Clients int     `json:"clients"`
	Rooms   int     `json:"rooms"` // 0: all clients hear each other
	Seconds float64 `json:"seconds"`
	// Count is how many deliveries, answers or connections were measured.
	Count     int     `json:"count"`
	Events    int     `json:"events"`    // that clients sent for it
	CPU       float64 `json:"cpu"`       // of the servers, in µs for each of Count
	BrokerCPU float64 `json:"brokerCPU"` // the same of what is between them, or in front of them
	LoaderCPU float64 `json:"loaderCPU"` // the same of the clients' program
	P50       float64 `json:"p50"`       // ms from send to receipt
	P99       float64 `json:"p99"`       // the same
	Resident  float64 `json:"resident"`  // MiB of the servers at the end
	PerClient float64 `json:"perClient"` // KiB of the servers for each connection, in the suite idle
	AtRest    float64 `json:"atRest"`    // CPU of the servers in µs for each connection and second, in the suite idle
	PerSecond float64 `json:"perSecond"` // Count by Seconds
	// Before is the same load while everybody still read, if somebody stops.
	Before     *Before `json:"before,omitempty"`
	Broker     *Broker `json:"broker,omitempty"`
	Compressed int     `json:"compressed"` // frames that came compressed, warm-up included
	Lost       int     `json:"lost"`       // of all that was sent
	Repeated   int     `json:"repeated"`   // came more than once
	Reordered  int     `json:"reordered"`  // came behind a later one of the same sender
	Deliveries int     `json:"deliveries"` // or answers: all, warm-up included
}

// Before is what was measured before a client stopped reading.
type Before struct {
	P99      float64 `json:"p99"`      // ms
	Resident float64 `json:"resident"` // MiB
}

// Broker is the traffic of a NATS server while a load was measured.
type Broker struct {
	// In and Out are messages that it took and sent.
	In  int64 `json:"in"`
	Out int64 `json:"out"`
	// Read and Written are bytes on its connections, all of the protocol included.
	Read          int64 `json:"read"`
	Written       int64 `json:"written"`
	Subscriptions int   `json:"subscriptions"` // at the end
}

// Run is a result and what it is of.
type Run struct {
	Name string `json:"name"` // of the suite
	Peer string `json:"peer"`
	// On is when it was measured, and on what.
	On string `json:"on"`
	Result
}

func (r Run) String() string {
	if r.Suite == "idle" {
		return fmt.Sprintf("%8.2f KiB for each of %d connections", r.PerClient, r.Count)
	}
	return fmt.Sprintf("%8.2f µs  p50 %7.2f ms  p99 %7.2f ms  %7.0f/s  %6.1f MiB  lost %d, repeated %d, reordered %d",
		r.CPU, r.P50, r.P99, r.PerSecond, r.Resident, r.Lost, r.Repeated, r.Reordered)
}

// Read takes runs, a line of JSON each.
func Read(from io.Reader) (all []Run, err error) {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		var r Run
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("read measurement %d: %w", len(all)+1, err)
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read measurements: %w", err)
	}
	return all, nil
}
