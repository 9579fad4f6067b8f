// SPDX-License-Identifier: Apache-2.0

package service

import (
	"context"
	"fmt"
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A PublishError says why nothing was emitted, and whose fault that is: Status is an HTTP status.
type PublishError struct {
	Status int
	err    error
}

func (e *PublishError) Error() string { return e.err.Error() }

// Unwrap is the error beneath.
func (e *PublishError) Unwrap() error { return e.err }

// refusePublication makes an error of a status.
func refusePublication(status int, format string, args ...any) *PublishError {
	return &PublishError{Status: status, err: fmt.Errorf(format, args...)}
}

// MaxPayload is the largest document that Publish takes now, in bytes: as much as a client may send.
func (r *Runtime) MaxPayload() int64 { return r.program.Load().maxPayload }

// Publish emits what a program outside asks for, to sockets on all gateways, with the trace of the context. It does not wait. The
// namespace is that of the document if it is empty. The receipt reports whether the event is stored, where events are. An error is a *PublishError, and then nothing was emitted. Safe for
// concurrent use; calls that come one after the other keep their order.
func (r *Runtime) Publish(ctx context.Context, data []byte, namespace string, receipt *socketio.Receipt) error {
	program := r.program.Load()
	if most := program.maxPayload; most > 0 && int64(len(data)) > most {
		return refusePublication(http.StatusRequestEntityTooLarge, "the document has %d bytes, protocol.maxPayload is %d", len(data), most)
	}
	p, err := parsePublication(data, namespace)
	if err != nil {
		return &PublishError{Status: http.StatusBadRequest, err: err}
	}
	if ns, _ := program.find(p.namespace); ns == nil {
		return refusePublication(http.StatusNotFound, "there is no namespace %.128q", p.namespace)
	}
	// It may have no socket here: those on other gateways hear of it all the same.
	if !r.io.Within(p.namespace, func(ns *socketio.Namespace) { err = p.emit(ctx, ns, receipt) }) {
		return refusePublication(http.StatusNotFound, "there is no namespace %.128q any more", p.namespace)
	}
	if err != nil {
		return &PublishError{Status: http.StatusServiceUnavailable, err: err}
	}
	return nil
}

func (p *publication) emit(ctx context.Context, ns *socketio.Namespace, receipt *socketio.Receipt) error {
	audience := ns.Except(p.except...).Compress(!p.uncompressed).Receipt(receipt).WithContext(ctx)
	if p.rooms != nil {
		audience = audience.To(p.rooms...)
	}
	if p.volatile {
		audience = audience.Volatile()
	}
	return audience.EmitArgs(p.event, p.args)
}
