// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// notEmitted are names of handlers for events that no client emits.
var notEmitted = []string{"connection", "disconnecting", "disconnect", "*"}

// snippet returns a client of a service in JavaScript: it connects, prints what it receives, and
// emits the first event for which the service has a handler.
func snippet(svc *v1alpha1.RealtimeService, base string) []string {
	url, event := strings.TrimSuffix(base, "/"), ""
	if len(svc.Spec.Namespaces) > 0 {
		ns := svc.Spec.Namespaces[0]
		if ns.Name != "/" {
			url += ns.Name
		}
		for i := range ns.Handlers {
			if name := ns.Handlers[i].Event; !slices.Contains(notEmitted, name) {
				event = name
				break
			}
		}
	}
	options := ""
	if path := svc.Spec.Protocol.Path; path != "" && path != socketio.DefaultPath {
		options = fmt.Sprintf(", { path: %s }", quoted(path))
	}
	lines := []string{
		`import { io } from "socket.io-client";`,
		fmt.Sprintf("const socket = io(%s%s);", quoted(url), options),
		"socket.onAny((event, ...args) => console.log(event, args));",
	}
	if event != "" {
		lines = append(lines, fmt.Sprintf(`socket.emit(%s, "hello");`, quoted(event)))
	}
	return lines
}

// quoted returns a string literal of JavaScript.
func quoted(s string) string {
	b, _ := json.Marshal(s) // strings always encode
	return string(b)
}
