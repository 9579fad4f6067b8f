// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"sync"

	"github.com/centrifugal/centrifuge"
	"github.com/nats-io/nats.go"
)

// prefix begins the NATS subject of a channel. Channels here are named by a benchmark, and hold
// nothing that NATS would understand.
const prefix = "centrifuge."

// natsBroker connects nodes by a NATS subject for each channel, as the library's documentation
// tells to: a subscription of its own for each channel that the node has a client in. A publication
// travels as it is. Safe for concurrent use.
type natsBroker struct {
	conn    *nats.Conn
	handler centrifuge.BrokerEventHandler // set before the first Subscribe

	mu            sync.Mutex
	subscriptions map[string]*nats.Subscription // by channel; guarded by mu
}

func newNATSBroker(url string) (*natsBroker, error) {
	conn, err := nats.Connect(url, nats.MaxReconnects(-1))
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return &natsBroker{conn: conn, subscriptions: map[string]*nats.Subscription{}}, nil
}

// RegisterBrokerEventHandler is called once, when the node runs.
func (b *natsBroker) RegisterBrokerEventHandler(h centrifuge.BrokerEventHandler) error {
	b.handler = h
	return nil
}

// Subscribe begins to hear of channels.
func (b *natsBroker) Subscribe(channels ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, channel := range channels {
		if b.subscriptions[channel] != nil {
			continue
		}
		s, err := b.conn.Subscribe(prefix+channel, b.receive)
		if err != nil {
			return fmt.Errorf("subscribe to channel %s: %w", channel, err)
		}
		b.subscriptions[channel] = s
	}
	return nil
}

func (b *natsBroker) receive(msg *nats.Msg) {
	channel := strings.TrimPrefix(msg.Subject, prefix)
	// It fails if the node ends.
	_ = b.handler.HandlePublication(channel, &centrifuge.Publication{Data: msg.Data}, centrifuge.StreamPosition{}, false, nil)
}

// Unsubscribe no longer hears of channels.
func (b *natsBroker) Unsubscribe(channels ...string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, channel := range channels {
		if s := b.subscriptions[channel]; s != nil {
			delete(b.subscriptions, channel)
			if err := s.Unsubscribe(); err != nil {
				return fmt.Errorf("unsubscribe from channel %s: %w", channel, err)
			}
		}
	}
	return nil
}

// Publish says something to all nodes, this one too.
func (b *natsBroker) Publish(channel string, data []byte, _ centrifuge.PublishOptions) (centrifuge.PublishResult, error) {
	return centrifuge.PublishResult{}, b.conn.Publish(prefix+channel, data)
}

// PublishJoin is not asked for: no channel here tells who comes.
func (b *natsBroker) PublishJoin(string, *centrifuge.ClientInfo) error { return nil }

// PublishLeave is not asked for either.
func (b *natsBroker) PublishLeave(string, *centrifuge.ClientInfo) error { return nil }

// History is not kept.
func (b *natsBroker) History(string, centrifuge.HistoryOptions) ([]*centrifuge.Publication, centrifuge.StreamPosition, error) {
	return nil, centrifuge.StreamPosition{}, centrifuge.ErrorNotAvailable
}

// RemoveHistory has nothing to remove.
func (b *natsBroker) RemoveHistory(string) error { return centrifuge.ErrorNotAvailable }
