// SPDX-License-Identifier: Apache-2.0

// Package gatewayconfig has what the operator and a gateway must agree on about configurations:
// their order, and how the operator pushes one. The file that a gateway mounts and what is pushed
// to it have the same bytes.
package gatewayconfig

import (
	"strconv"
	"time"
)

// AnnotationSequence of a rendered RealtimeService, and of the ConfigMap that holds it, is the
// configuration's sequence number: of two with different content, the one with the larger number is
// the newer one. The operator gives a new number whenever it writes other content over the
// ConfigMap, and only over the version that it has read, so that no number stands for two contents.
const AnnotationSequence = "realtime-operator.io/config-sequence"

// The paths to which the operator pushes, by PUT to a gateway's port for peers, with a client
// certificate for gatewaypeers.OperatorName. The answer is a gatewaystatus.Status in JSON, with 200
// even if the gateway refuses the configuration: the status says why. A gateway of a release
// without pushes answers 404.
const (
	// Path accepts the bytes of the mounted file, at most MaxBytes.
	Path = "/v1/configuration"
	// CredentialsPath accepts Credentials in JSON.
	CredentialsPath = "/v1/nats-credentials" //nolint:gosec // it is a path
	// MovesPath accepts Moves in JSON.
	MovesPath = "/v1/moves"
)

// MaxBytes bounds a configuration, like the size of a ConfigMap.
const MaxBytes = 1 << 20

// Credentials are the user and password of NATS in the Secret that the gateway mounts.
type Credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Moves is an order to have clients reconnect, so that other gateways get some of them. It replaces
// an earlier one that is not completed.
type Moves struct {
	// Clients is how many clients are asked at most.
	Clients int `json:"clients"`
	// WithinSeconds is the time over which they are asked, at an even pace.
	WithinSeconds float64 `json:"withinSeconds"`
	// MinConnectedSeconds is how long a client must have been connected to be asked.
	MinConnectedSeconds float64 `json:"minConnectedSeconds"`
}

// Sequence returns the number in annotations; 0, which is no number, if there is none.
func Sequence(annotations map[string]string) int64 {
	n, err := strconv.ParseInt(annotations[AnnotationSequence], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Annotations returns annotations with a number; none for 0.
func Annotations(sequence int64) map[string]string {
	if sequence == 0 {
		return nil
	}
	return map[string]string{AnnotationSequence: strconv.FormatInt(sequence, 10)}
}

// Next returns the number of a configuration that replaces one with the number last. The time keeps
// numbers increasing even if last is no longer known, for example because somebody has deleted the
// ConfigMap.
func Next(last int64, now time.Time) int64 { return max(last+1, now.UnixMilli()) }
