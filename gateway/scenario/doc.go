// SPDX-License-Identifier: Apache-2.0

// Package scenario runs the tests of a service that are written in YAML beside it, `realtime test`,
// and explains its decisions, `realtime why`. Package lab has the service that both run.
//
//	file ── Load ──▶ File ── Run ──▶ for each test: a bubble, a Lab, its steps ──▶ Report
//
// A step is a field of Step, with a type in a file of its own that has what it does: run. To add
// one, add both; what reads files, makes the schema for editors and reports failures follows.
package scenario
