// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// refuseTime is how long JetStream refuses something.
	refuseTime = 10 * time.Second
	// storeTimeout bounds what is asked of JetStream.
	storeTimeout = 20 * time.Second
	// sizeLimit is the largest message that is stored then: more than anything here but oversized
	// events.
	sizeLimit = 16 << 10
	// oversizedEvery is of how many messages one is oversized in such a phase.
	oversizedEvery = 20

	// ballast is a stream that fills the disk, by messages of ballastSize bytes.
	ballast     = "BALLAST"
	ballastSize = 512 << 10
)

// refuseLarge has JetStream refuse events by their size for good, and clients emit some. A client
// whose event is refused emits a shorter one.
func refuseLarge(ctx context.Context, c *chaos) error {
	js, nc, err := c.cluster.JetStream()
	if err != nil {
		return err
	}
	defer nc.Close()
	c.log.Info("broker refuses large messages", "bytes", sizeLimit)
	// Gateways may set their stream up again meanwhile.
	limit := func() error { return limitSize(ctx, js, sizeLimit) }
	if err := limit(); err != nil {
		return err
	}
	c.padding.Store(2 * sizeLimit)
	err = every(ctx, time.Second, refuseTime, limit)
	c.padding.Store(0)
	return errors.Join(err, limitSize(ctx, js, -1))
}

func limitSize(ctx context.Context, js jetstream.JetStream, bytes int32) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	stream, err := logStream(ctx, js)
	if err != nil {
		return err
	}
	config := stream.CachedInfo().Config
	config.MaxMsgSize = bytes
	if _, err := js.UpdateStream(ctx, config); err != nil {
		return fmt.Errorf("limit the size of messages: %w", err)
	}
	return nil
}

// logStream is the stream of the service.
func logStream(ctx context.Context, js jetstream.JetStream) (jetstream.Stream, error) {
	names := js.StreamNames(ctx)
	for name := range names.Name() {
		if name != ballast {
			return js.Stream(ctx, name)
		}
	}
	return nil, fmt.Errorf("find the service's stream: %w", jetstream.ErrStreamNotFound)
}

// fillDisk has JetStream refuse everything, for want of room.
func fillDisk(ctx context.Context, c *chaos) error {
	js, nc, err := c.cluster.JetStream()
	if err != nil {
		return err
	}
	defer nc.Close()
	c.log.Info("broker's disk is filled")
	if err := fill(ctx, js, len(c.cluster.Brokers)); err != nil {
		return err
	}
	sleep(ctx, refuseTime)
	c.log.Info("broker's disk has room again")
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := js.DeleteStream(ctx, ballast); err != nil {
		return fmt.Errorf("make room: %w", err)
	}
	return nil
}

// fill stores messages until one is refused.
func fill(ctx context.Context, js jetstream.JetStream, replicas int) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: ballast, Subjects: []string{"ballast"}, Replicas: replicas})
	if err != nil {
		return fmt.Errorf("make a stream that fills the disk: %w", err)
	}
	for data := make([]byte, ballastSize); ; {
		_, err := js.Publish(ctx, "ballast", data)
		var refused *jetstream.APIError
		switch {
		case errors.As(err, &refused):
			return nil
		case err != nil:
			return fmt.Errorf("fill the disk: %w", err)
		}
	}
}

// every repeats something while a fault lasts.
func every(ctx context.Context, pause, lasts time.Duration, do func() error) error {
	for end := time.Now().Add(lasts); time.Now().Before(end) && ctx.Err() == nil; sleep(ctx, pause) {
		if err := do(); err != nil {
			return err
		}
	}
	return ctx.Err()
}
