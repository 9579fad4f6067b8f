// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/protocol"
)

const (
	// missTime is how long clients are away before what they miss is trimmed.
	missTime = 5 * time.Second
	// noises is more events than the log keeps of one subject. So many at a time are on their way
	// to it.
	noises, noisesAtOnce = 110_000, 5_000
	// noiseTimeout is how long a busy service may take for all of them.
	noiseTimeout = 5 * time.Minute
	// breaks is how often a link breaks in a recovery, each time after at least leastRead bytes and
	// less than mostRead: the answer to the handshake has a few hundred, and what was missed a few
	// thousand.
	breaks              = 3
	leastRead, mostRead = 300, 2500
)

// trimLog has many events for nobody drive what clients have missed out of the log, if it keeps
// both in one place.
func trimLog(ctx context.Context, c *chaos) error {
	chosen := c.tenth()
	for _, n := range chosen {
		c.clients[n].line.Cut(false)
	}
	sleep(ctx, missTime)
	err := c.makeNoise(ctx)
	for _, n := range chosen {
		c.clients[n].line.Mend()
	}
	return err
}

// makeNoise emits events, and returns when the last has been acknowledged.
func (c *chaos) makeNoise(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, noiseTimeout)
	defer cancel()
	noisy := newClient(c.clients[0].world, 0, 0, false)
	l, _, err := noisy.dialer.WebSocket(ctx)
	if err != nil {
		return fmt.Errorf("make noise: %w", err)
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, l.Close)
	defer stop()
	l.Send(protocol.ConnectPacket("", nil))
	for left := noises; ; {
		packet, err := l.Next()
		switch {
		case err != nil:
			return fmt.Errorf("make noise: %w", err)
		case packet == string(protocol.EnginePing):
			l.Send(protocol.EnginePong)
		case packet == "430"+protocol.Handled && left == 0:
			c.log.Info("noise is over", "events", noises)
			return nil
		case strings.HasPrefix(packet, "40"), packet == "430"+protocol.Handled:
			for range noisesAtOnce - 1 {
				l.Send(`42["noise"]`)
			}
			l.Send(`420["noise"]`)
			left -= noisesAtOnce
		case strings.HasPrefix(packet, "43"):
			return fmt.Errorf("make noise: the answer is %s", packet)
		}
	}
}

// cutRecoveries is cutClients with links that break again while the clients are sent what they have
// missed.
func cutRecoveries(ctx context.Context, c *chaos) error {
	chosen := c.tenth()
	for _, n := range chosen {
		c.clients[n].line.Cut(false)
	}
	sleep(ctx, cutTime)
	for _, n := range chosen {
		after := make([]int, breaks)
		for i := range after {
			after[i] = leastRead + c.random.IntN(mostRead-leastRead)
		}
		c.clients[n].line.Fray(after)
		c.clients[n].line.Mend()
	}
	return nil
}
