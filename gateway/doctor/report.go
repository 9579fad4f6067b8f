// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"encoding/json"
	"fmt"
	"io"
)

// Status is the outcome of an examination.
type Status string

const (
	// OK means that it works.
	OK Status = "ok"
	// Note means that it works, and that there is something to know.
	Note Status = "note"
	// Skipped means that it was not examined.
	Skipped Status = "skipped"
	// Failed means that it does not work.
	Failed Status = "failed"
)

// Finding is what an examination has found.
type Finding struct {
	// Check is the name of the examination.
	Check string `json:"check"`
	// Status is its outcome.
	Status Status `json:"status"`
	// Message says what was seen.
	Message string `json:"message"`
	// Advice is what to change, one setting in each line; empty if nothing need be.
	Advice []string `json:"advice,omitempty"`
}

func ok(format string, args ...any) Finding {
	return Finding{Status: OK, Message: fmt.Sprintf(format, args...)}
}

func note(advice []string, format string, args ...any) Finding {
	return Finding{Status: Note, Message: fmt.Sprintf(format, args...), Advice: advice}
}

func skipped(format string, args ...any) Finding {
	return Finding{Status: Skipped, Message: fmt.Sprintf(format, args...)}
}

func failed(advice []string, format string, args ...any) Finding {
	return Finding{Status: Failed, Message: fmt.Sprintf(format, args...), Advice: advice}
}

// FailedError means that something does not get through. It has been reported.
type FailedError struct {
	// Failed is the number of findings with that status.
	Failed int
}

func (e *FailedError) Error() string { return fmt.Sprintf("%d findings", e.Failed) }

// ExitCode is that of the program.
func (e *FailedError) ExitCode() int { return 1 }

// reporter writes findings as they come, or at the end in JSON.
type reporter struct {
	out      io.Writer
	json     bool
	findings []Finding
}

func newReporter(out io.Writer, inJSON bool) *reporter { return &reporter{out: out, json: inJSON} }

func (r *reporter) report(f Finding) {
	r.findings = append(r.findings, f)
	if r.json {
		return
	}
	_, _ = fmt.Fprintf(r.out, "%-7s  %-12s  %s\n", f.Status, f.Check, f.Message) // or there is nobody to tell
	for _, line := range f.Advice {
		_, _ = fmt.Fprintf(r.out, "%25s%s\n", "→ ", line) // as above
	}
}

// finish ends the report. Its error is a *FailedError if anything has failed.
func (r *reporter) finish(url string) error {
	count := 0
	for _, f := range r.findings {
		if f.Status == Failed {
			count++
		}
	}
	if r.json {
		encoder := json.NewEncoder(r.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(map[string]any{"url": url, "ok": count == 0, "findings": r.findings}); err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
	} else {
		_, _ = fmt.Fprintln(r.out, summary(count)) // or there is nobody to tell
	}
	if count > 0 {
		return &FailedError{count}
	}
	return nil
}

func summary(count int) string {
	if count == 0 {
		return "Clients get through."
	}
	return fmt.Sprintf("Not all gets through: %d failed.", count)
}
