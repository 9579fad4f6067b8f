// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"context"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog/outbox"
)

// What the tests of whole gateways look at.
const (
	GapTrimmed        = gapTrimmed
	GapRestarted      = gapRestarted
	ReasonSize        = reasonSize
	ReasonClosed      = reasonClosed
	PerSubject        = logPerSubject
	EarlierPerSubject = earlierPerSubject
	ProbeInterval     = probeInterval
)

func (l *Log) Outbox() *outbox.Outbox     { return l.out }
func (l *Log) Stream() string             { return l.stream }
func (l *Log) Metrics() *Metrics          { return l.metrics }
func (l *Log) NATS() *nats.Conn           { return l.host.NATS() }
func (l *Log) PeerCount() int             { return len(l.host.Peers()) }
func (l *Log) Probe(silent int) int       { return l.probe(silent) }
func (l *Log) Config() Config             { return l.config }
func (l *Log) Acks() string               { return l.subjects.Acks }
func (l *Log) Restarted() bool            { return l.restarting != nil && l.restarting.restored }
func (l *Log) HasMet(gateway string) bool { return l.restarting != nil && l.restarting.peers[gateway] }

func (l *Log) Queued(take func(*nats.Msg) bool) { l.host.Queued(take) }

func (l *Log) StreamInfo(ctx context.Context, subject string) (*jetstream.StreamInfo, error) {
	return l.streamInfo(ctx, subject)
}

func (l *Log) VerifyLeader(ctx context.Context, subject string, from, first uint64) error {
	return l.verifyLeader(ctx, subject, from, first)
}

func (l *Log) LimitInForce(ctx context.Context) (int64, error) { return l.limits.inForce(ctx, l) }

func (l *Log) StreamConfig(limitSince string) jetstream.StreamConfig {
	return l.streamConfig(limitSince)
}

func (l *Log) EnsureStream(ctx context.Context) error { return l.ensureStream(ctx, &streamState{}) }

func (l *Log) MarkStart(ctx context.Context, js jetstream.JetStream) error {
	return l.markStart(ctx, js)
}
