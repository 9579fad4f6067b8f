// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/panics"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// PlaceMessage is the place, for Options.OnPanic, of a panic that a message of NATS has caused: the
// message is dropped, and the next one is handled. placeHandler is the place for code of the
// application.
const (
	PlaceMessage = panics.PlaceMessage
	placeHandler = "handler"
)

var errPanicked = errors.New("it makes the decoder panic")

// decode is wire.DecodeMessage for messages that others have sent or stored: if that panics, it
// returns an error.
func (c *Cluster) decode(data []byte) (m *wire.Message, err error) {
	defer func() {
		if value := recover(); value != nil {
			c.panics.Tell(PlaceMessage, value)
			m, err = nil, errPanicked
		}
	}()
	return wire.DecodeMessage(data)
}

// call calls a function, and recovers its panic.
func (c *Cluster) call(place string, f func()) {
	defer c.panics.Catch(place)
	f()
}

// decodeMsg decodes a message that another gateway has published.
func (c *Cluster) decodeMsg(msg *nats.Msg) (*wire.Message, error) {
	m, err := c.decode(msg.Data)
	if err == nil {
		m.Delivery.Trace = wire.TraceOf(msg.Header)
	}
	return m, err
}
