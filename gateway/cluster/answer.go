// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// fetchedBytes is the approximate size of a message with descriptions of sockets; NATS accepts 1
// MiB by default.
const fetchedBytes = 256 << 10

var errNoNATS = errors.New("NATS is away, other gateways are out of reach")

// tell sends a request to all gateways.
func (c *Cluster) tell(r *request) error {
	if !c.nc.IsConnected() {
		return errNoNATS
	}
	r.from = c.id
	data := r.encode()
	header := wire.TraceHeader(r.delivery.Trace)
	if most := int(c.link.MaxPayload()); most > 0 && len(data)+headerSize(header) > most {
		return fmt.Errorf("ask the other gateways: %w", nats.ErrMaxPayload)
	}
	c.out.SendWith(header, c.subjects.Requests, data)
	return nil
}

// reply sends an answer to the gateway that has sent a request.
func (c *Cluster) reply(to *request, kind byte, args socketio.Args, count int) {
	r := &request{kind: kind, id: to.id, from: c.id, count: uint64(count)}
	r.delivery.Text, r.delivery.Attachments = args.JSON, args.Attachments
	// Without NATS, the other gateway considers this one dead.
	c.out.Send(wire.AnswerSubject(c.service, to.from), r.encode())
}

// receiveRequest carries out a request of another gateway. What may block or take long runs in a
// goroutine of its own.
func (c *Cluster) receiveRequest(msg *nats.Msg) {
	r, err := decodeRequest(msg.Data)
	if err != nil {
		c.malformed(msg, err)
		return
	}
	r.delivery.Trace = wire.TraceOf(msg.Header)
	c.mu.RLock()
	a := c.adapters[wire.NewSubjects(c.service, r.namespace).Prefix]
	c.mu.RUnlock()
	switch {
	case r.kind == requestStop:
		c.asks.end(askKey{r.from, r.id})
	case a == nil:
		c.replyNothing(r)
	case r.kind == requestAsk:
		a.answerAsk(r)
	default:
		c.done.Go(func() { c.call(PlaceMessage, func() { a.answer(r) }) })
	}
}

// replyNothing answers for a namespace that does not exist here.
func (c *Cluster) replyNothing(r *request) {
	switch r.kind {
	case requestServerSide:
	case requestAsk:
		c.reply(r, answerCount, socketio.Args{}, 0)
	default:
		c.reply(r, answerDone, socketio.Args{}, 0)
	}
}

// answerAsk delivers to local clients, and relays their answers. It runs in dispatch, so that the
// packet keeps its place among those of the sender.
func (a *adapter) answerAsk(r *request) {
	n, stop, err := a.rooms.Ask(&r.delivery, func(args socketio.Args, ok bool) {
		kind := answerAck
		if !ok {
			kind = answerGone
		}
		a.cluster.reply(r, kind, args, 0)
	})
	if err != nil {
		a.cluster.log.Debug("ask clients for another gateway", "error", err)
		a.cluster.replyNothing(r)
		return
	}
	if n > 0 {
		a.cluster.asks.add(askKey{r.from, r.id}, stop, milliseconds(r.count))
	}
	a.cluster.reply(r, answerCount, socketio.Args{}, n)
}

func (a *adapter) answer(r *request) {
	ctx, target := a.cluster.life, r.delivery.Target
	var err error
	switch r.kind {
	case requestFetch:
		err = a.answerFetch(r)
	case requestPresence:
		err = a.answerPresence(r)
	case requestJoin:
		err = a.rooms.SocketsJoin(ctx, target, r.rooms...)
	case requestLeave:
		err = a.rooms.SocketsLeave(ctx, target, r.rooms...)
	case requestDisconnect, requestClose:
		err = a.rooms.DisconnectSockets(ctx, target, r.kind == requestClose)
	case requestServerSide:
		a.serve(r, nil)
		return
	case requestServerSideAck:
		// A gateway without a handler does not answer, nor does one whose handler gives no answer.
		if !a.serve(r, func(args socketio.Args) {
			a.cluster.reply(r, answerPart, args, 0)
			a.cluster.reply(r, answerDone, socketio.Args{}, 0)
		}) {
			a.cluster.reply(r, answerDone, socketio.Args{}, 0)
		}
		return
	}
	if err != nil {
		a.cluster.log.Warn("do what another gateway asks for", "error", err)
	}
	a.cluster.reply(r, answerDone, socketio.Args{}, 0)
}

// serve calls the application's handlers. If they panic, the gateway continues.
func (a *adapter) serve(r *request, answer func(socketio.Args)) (handled bool) {
	defer a.cluster.panics.Catch(placeHandler, "event", r.event)
	return a.namespace.HandleServerSide(r.event, r.args(), answer)
}

func (a *adapter) answerFetch(r *request) error {
	if r.count == fetchCount {
		return a.answerCount(r)
	}
	sockets, err := a.rooms.FetchSockets(a.cluster.life, r.delivery.Target)
	if err != nil {
		return err
	}
	part := []byte{'['}
	flush := func() {
		a.cluster.reply(r, answerPart, socketio.Args{JSON: append(part, ']')}, 0)
		part = []byte{'['}
	}
	for i := range sockets {
		one, err := json.Marshal(&sockets[i])
		if err != nil {
			return fmt.Errorf("describe a socket: %w", err)
		}
		if len(part) > 1 {
			if len(part)+len(one) > fetchedBytes {
				flush()
			} else {
				part = append(part, ',')
			}
		}
		part = append(part, one...)
	}
	if len(part) > 1 {
		flush()
	}
	return nil
}

func (a *adapter) answerCount(r *request) error {
	n, err := a.rooms.CountSockets(a.cluster.life, r.delivery.Target)
	if err != nil {
		return err
	}
	a.cluster.reply(r, answerPart, socketio.Args{JSON: strconv.AppendInt(nil, int64(n), 10)}, 0)
	return nil
}

// receiveAnswer handles an answer to a request of this gateway.
func (c *Cluster) receiveAnswer(msg *nats.Msg) {
	r, err := decodeRequest(msg.Data)
	if err != nil {
		c.malformed(msg, err)
		return
	}
	g := c.requests.find(r.id)
	if g == nil {
		return // no longer waited for
	}
	switch r.kind {
	case answerCount:
		g.count(r.from, int(min(r.count, 1<<31)))
	case answerAck, answerGone:
		g.acked(r.from, r.args(), r.kind == answerAck)
	case answerPart:
		g.add(r.args())
	case answerDone:
		g.finish(r.from)
	}
}

func (c *Cluster) malformed(msg *nats.Msg, err error) {
	c.metrics.malformed.Inc()
	c.log.Debug("ignored a message of another gateway", "subject", wire.LoggedSubject(msg.Subject), "error", err)
}
