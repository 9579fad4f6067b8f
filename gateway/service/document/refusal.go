// SPDX-License-Identifier: Apache-2.0

package document

import "fmt"

// Refusal is why nothing was emitted. Status is the HTTP status for it.
type Refusal struct {
	Status int
	err    error
}

// Refuse makes a Refusal of an error, given as to fmt.Errorf.
func Refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{Status: status, err: fmt.Errorf(format, args...)}
}

func (r *Refusal) Error() string { return r.err.Error() }

// Unwrap returns the wrapped error.
func (r *Refusal) Unwrap() error { return r.err }
