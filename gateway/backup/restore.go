// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// listenFor is longer than the pause between two signs of life of a gateway.
const listenFor = 4 * time.Second

// RestoreOptions say what a restore may do.
type RestoreOptions struct {
	// Service is "NAMESPACE/NAME". A backup of another one is refused: its streams have other
	// names.
	Service string
	// Replace deletes what NATS stores for the service. Otherwise a NATS that is not empty is
	// refused.
	Replace bool
	// Replicas is how many servers are to store it; 0: as many as in the backup.
	Replicas int
}

// Restore brings a backup back. It reads all of it before it changes anything. Gateways must not be
// connected meanwhile.
func Restore(ctx context.Context, nc *nats.Conn, from io.ReadSeeker, o RestoreOptions) (Summary, error) {
	summary, err := Verify(from)
	if err != nil {
		return summary, fmt.Errorf("nothing was changed: %w", err)
	}
	if summary.Service != o.Service {
		return summary, fmt.Errorf("nothing was changed: the backup is of service %s, and not of %s", summary.Service, o.Service)
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return summary, fmt.Errorf("use JetStream: %w", err)
	}
	if err := unused(ctx, nc, js, o); err != nil {
		return summary, fmt.Errorf("nothing was changed: %w", err)
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return summary, fmt.Errorf("read the backup again: %w", err)
	}
	for _, name := range streamsOf(o.Service) {
		if err := js.DeleteStream(ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			return summary, fmt.Errorf("delete stream %s: %w", name, err)
		}
	}
	r := restore{ctx: ctx, nc: nc, service: o.Service, replicas: o.Replicas, now: time.Now()}
	_, _, err = walk(from, visitor{stream: r.begin, part: r.send, end: r.finish}, &Summary{})
	if err != nil {
		return summary, fmt.Errorf("restore stream %s: %w", r.name, err)
	}
	return summary, nil
}

// unused returns nil if nobody uses what is to be restored, and nothing is lost by it.
func unused(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, o RestoreOptions) error {
	live, err := nc.SubscribeSync(wire.LiveRoot + wire.Token(o.Service) + ".>")
	if err != nil {
		return fmt.Errorf("listen for gateways: %w", err)
	}
	defer func() { _ = live.Unsubscribe() }() // the connection may be gone
	for _, name := range streamsOf(o.Service) {
		stream, err := js.Stream(ctx, name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("ask for stream %s: %w", name, err)
		}
		// A log that nobody has used has its first message, which says so.
		if n := stream.CachedInfo().State; n.Msgs > 0 && n.LastSeq > 1 && !o.Replace {
			return fmt.Errorf("%w: stream %s has %d messages, which --replace deletes", ErrNotEmpty, name, n.Msgs)
		}
	}
	listening, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	switch _, err := live.NextMsgWithContext(listening); {
	case err == nil:
		return fmt.Errorf("%w: scale the service to 0 first, so that clients that come back find their sessions", ErrInUse)
	case ctx.Err() != nil:
		return ctx.Err()
	case !errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("listen for gateways: %w", err)
	}
	return nil
}

// restore sends snapshots to NATS.
type restore struct {
	ctx      context.Context
	nc       *nats.Conn
	service  string
	replicas int
	now      time.Time
	name     string
	// to is the subject that takes the parts.
	to string
}

func (r *restore) begin(name string, entry streamEntry) error {
	r.name = name
	config, err := r.configure(entry)
	if err != nil {
		return err
	}
	var answer struct {
		DeliverSubject string `json:"deliver_subject"`
	}
	if err := ask(r.ctx, r.nc, "$JS.API.STREAM.RESTORE."+name, streamEntry{Config: config, State: entry.State}, &answer); err != nil {
		return err
	}
	r.to = answer.DeliverSubject
	return nil
}

// configure returns the configuration that a stream is to have. The log says that it was restored.
func (r *restore) configure(entry streamEntry) (json.RawMessage, error) {
	var fields map[string]json.RawMessage
	var known struct {
		Metadata map[string]string `json:"metadata"`
	}
	var state struct {
		Last uint64 `json:"last_seq"`
	}
	if err := errors.Join(json.Unmarshal(entry.Config, &fields), json.Unmarshal(entry.Config, &known), json.Unmarshal(entry.State, &state)); err != nil {
		return nil, fmt.Errorf("read its configuration: %w", err)
	}
	if r.replicas > 0 {
		fields["num_replicas"] = json.RawMessage(strconv.Itoa(r.replicas))
	}
	if r.name == eventlog.StreamName(r.service) {
		metadata, err := json.Marshal(eventlog.Restored(known.Metadata, entry.Incarnation, state.Last, r.now))
		if err != nil {
			return nil, fmt.Errorf("write its metadata: %w", err)
		}
		fields["metadata"] = metadata
	}
	config, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("write its configuration: %w", err)
	}
	return config, nil
}

func (r *restore) send(data []byte) error {
	answer, err := r.request(data)
	if err != nil || len(answer) == 0 {
		return err
	}
	return decode(answer, &struct{}{})
}

func (r *restore) finish() error {
	answer, err := r.request(nil)
	if err != nil {
		return err
	}
	return decode(answer, &struct{}{})
}

func (r *restore) request(data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(r.ctx, stallTimeout)
	defer cancel()
	msg, err := r.nc.RequestWithContext(ctx, r.to, data)
	if err != nil {
		return nil, fmt.Errorf("send a part: %w", err)
	}
	return msg.Data, nil
}
