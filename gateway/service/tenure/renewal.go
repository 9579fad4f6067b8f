// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A socket may renew its token burst times at once, and once per pause after that:
// each costs the check of a signature.
const (
	burst = 5
	pause = 10 * time.Second
)

// CodeRateLimited is the code of a renewal that comes too soon.
const CodeRateLimited = "rate_limited"

// Renewals bounds the renewals of a socket, by the time at which all would have been due if they
// had come at the pace (the generic cell rate algorithm), in nanoseconds since 1970.
type Renewals int64

// Take returns how long the client has to wait; 0 if it need not.
func (r *Renewals) Take(now time.Time) time.Duration {
	due := max(int64(*r), now.UnixNano())
	if ahead := time.Duration(due - now.UnixNano()); ahead > (burst-1)*pause {
		return ahead - (burst-1)*pause
	}
	*r = Renewals(due + int64(pause))
	return 0
}

// Answer is the acknowledgement of renew_token.
type Answer struct {
	OK bool `json:"ok,omitempty"`
	// Expires is when the token expires, in milliseconds since 1970; nil for one that does not.
	Expires *int64   `json:"expires,omitempty"`
	Error   *Refusal `json:"error,omitempty"`
}

// Refusal is why a token is not renewed.
type Refusal struct {
	// Code is one of those of connect_error, or rate_limited.
	Code string `json:"code"`
	// RetryAfter is in milliseconds.
	RetryAfter int64 `json:"retryAfter,omitempty"`
}

// Renewed is the answer for a token that expires at a time; zero for never.
func Renewed(expires time.Time) Answer {
	a := Answer{OK: true}
	if !expires.IsZero() {
		at := expires.UnixMilli()
		a.Expires = &at
	}
	return a
}

// Refused is the answer for a token that is refused by a code.
func Refused(code string) Answer { return Answer{Error: &Refusal{Code: code}} }

// TooSoon is the answer for a renewal that has to wait.
func TooSoon(wait time.Duration) Answer {
	return Answer{Error: &Refusal{CodeRateLimited, max(1, wait.Milliseconds())}}
}

// Token is the token in the argument {token} of renew_token; empty if there is none.
func Token(args socketio.Args) string {
	var shown struct {
		Token string `json:"token"`
	}
	if err := args.Decode(0, &shown); err != nil {
		return ""
	}
	return shown.Token
}
