// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// natsCauses are the causes of problems with the connection, as the operator is told them. Others
// are not told.
var natsCauses = map[natsconn.Cause]gatewaystatus.Cause{
	natsconn.CauseUnreachable: gatewaystatus.CauseUnreachable,
	natsconn.CauseCredentials: gatewaystatus.CauseCredentials,
	natsconn.CauseTLS:         gatewaystatus.CauseTLS,
}

// Codes of JetStream for which the client library has no errors; server/errors.json of nats-server
// lists them.
const (
	codeClusterNotAvailable jetstream.ErrorCode = 10008
	codeNoLeader            jetstream.ErrorCode = 10009
	codeMemoryExceeded      jetstream.ErrorCode = 10028
	codeInsufficient        jetstream.ErrorCode = 10023
	codeStorageExceeded     jetstream.ErrorCode = 10047
	codeMaximumStreams      jetstream.ErrorCode = 10027
	codeNoPeers             jetstream.ErrorCode = 10005
	codeAccountResources    jetstream.ErrorCode = 10002
	codeStreamStoreFailed   jetstream.ErrorCode = 10077
)

// logProblem returns why the log of events cannot be used, and of what kind that is.
func logProblem(err error) (string, gatewaystatus.Cause) {
	if err == nil {
		return "", ""
	}
	var refused *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders), errors.Is(err, jetstream.ErrNoStreamResponse):
		return err.Error(), gatewaystatus.CauseDisabled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
		return err.Error(), gatewaystatus.CauseNoQuorum
	case !errors.As(err, &refused):
		return err.Error(), ""
	}
	switch refused.ErrorCode {
	case codeClusterNotAvailable, codeNoLeader, codeNoPeers:
		return err.Error(), gatewaystatus.CauseNoQuorum
	case codeInsufficient, codeMemoryExceeded, codeStorageExceeded, codeMaximumStreams, codeAccountResources, codeStreamStoreFailed:
		return err.Error(), gatewaystatus.CauseNoRoom
	}
	return err.Error(), ""
}
