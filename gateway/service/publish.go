// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/service/document"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// MaxPayload returns the size of the largest request that Publish accepts, in bytes:
// protocol.maxPayload of the program in force. 0: no bound.
func (r *Runtime) MaxPayload() int64 { return r.program.Load().maxPayload }

// Publish emits the event of a publish request to sockets on all gateways, with the trace of the
// context. It does not wait. If namespace is empty, the request names it. The receipt reports
// whether the event is stored, where events are. An error is a *document.Refusal, and then nothing
// was emitted. Safe for concurrent use; sequential calls keep their order.
func (r *Runtime) Publish(ctx context.Context, data []byte, namespace string, receipt *socketio.Receipt) error {
	program := r.program.Load()
	if most := program.maxPayload; most > 0 && int64(len(data)) > most {
		return document.Refuse(http.StatusRequestEntityTooLarge, "the document has %d bytes, protocol.maxPayload is %d", len(data), most)
	}
	p, err := document.Parse(data, namespace)
	if err != nil {
		return document.Refuse(http.StatusBadRequest, "%w", err)
	}
	ns, _ := program.find(p.Namespace)
	if ns == nil {
		return document.Refuse(http.StatusNotFound, "there is no namespace %.128q", p.Namespace)
	}
	if err := p.Address(ns.users.Rooms); err != nil {
		return document.Refuse(http.StatusBadRequest, "%w", err)
	}
	// It may have no socket here: sockets on other gateways receive the event all the same.
	if !r.io.Within(p.Namespace, func(ns *socketio.Namespace) { err = p.Emit(ctx, ns, receipt) }) {
		return document.Refuse(http.StatusNotFound, "there is no namespace %.128q any more", p.Namespace)
	}
	if err != nil {
		return document.Refuse(http.StatusServiceUnavailable, "%w", err)
	}
	return nil
}
