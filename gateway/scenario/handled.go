// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"slices"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// handled returns an error if nothing handles an event in a namespace of the service in force: a
// client that asks for no acknowledgement would not be told, and neither would the author of a test
// who has misspelled the event.
func (w *world) handled(namespace, event string) error {
	if event == v1alpha1.EventRenewToken {
		return nil // the gateway does
	}
	lifecycle := []string{v1alpha1.EventConnection, v1alpha1.EventDisconnecting, v1alpha1.EventDisconnect}
	var events []string
	for _, h := range handlersIn(w.spec, namespace) {
		if h.Event == event || h.Event == v1alpha1.EventAny {
			return nil
		}
		if !slices.Contains(lifecycle, h.Event) {
			events = append(events, h.Event)
		}
	}
	slices.Sort(events)
	return failf("nothing handles %q in %s, which has handlers for %q; to emit it all the same, expect the error in its acknowledgement",
		event, namespace, slices.Compact(events))
}

// handlersIn returns the handlers of a namespace.
func handlersIn(spec *v1alpha1.RealtimeService, namespace string) []v1alpha1.Handler {
	for i := range spec.Spec.Namespaces {
		if ns := &spec.Spec.Namespaces[i]; ns.Name == namespace {
			return ns.Handlers
		}
	}
	for i := range spec.Spec.DynamicNamespaces {
		ns := &spec.Spec.DynamicNamespaces[i]
		if pattern, err := socketio.ParsePattern(ns.Pattern); err == nil {
			if _, ok := pattern.Match(namespace); ok {
				return ns.Handlers
			}
		}
	}
	return nil
}
