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
// emits the first event for which the service has a handler. It has a place for a token if it needs
// one, and prints why it is refused.
func snippet(svc *v1alpha1.RealtimeService, base string) []string {
	url, event, asked := strings.TrimSuffix(base, "/"), "", false
	if len(svc.Spec.Namespaces) > 0 {
		ns := svc.Spec.Namespaces[0]
		asked = len(ns.Authentication) > 0
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
	var options []string
	if path := svc.Spec.Protocol.Path; path != "" && path != socketio.DefaultPath {
		options = append(options, "path: "+quoted(path))
	}
	if asked {
		options = append(options, `auth: { token: "…" }`)
	}
	call := quoted(url)
	if len(options) > 0 {
		call += ", { " + strings.Join(options, ", ") + " }"
	}
	lines := []string{
		`import { io } from "socket.io-client";`,
		fmt.Sprintf("const socket = io(%s);", call),
		"socket.onAny((event, ...args) => console.log(event, args));",
	}
	if asked {
		lines = append(lines, `socket.on("connect_error", (err) => console.log(err.message, err.data));`)
	}
	if event != "" {
		lines = append(lines, fmt.Sprintf(`socket.emit(%s, "hello");`, quoted(event)))
	}
	return lines
}

// namespaces lists the namespaces of a service, with the entries of spec.authentication that say
// who their clients are.
func namespaces(svc *v1alpha1.RealtimeService) []string {
	all := make([]string, len(svc.Spec.Namespaces))
	for i, ns := range svc.Spec.Namespaces {
		all[i] = ns.Name
		if len(ns.Authentication) > 0 {
			all[i] += " (" + strings.Join(ns.Authentication, ", ") + ")"
		}
	}
	return all
}

// unused lists the entries of spec.authentication that no namespace names.
func unused(svc *v1alpha1.RealtimeService) []string {
	used := map[string]bool{}
	for _, ns := range svc.Spec.Namespaces {
		for _, name := range ns.Authentication {
			used[name] = true
		}
	}
	for _, ns := range svc.Spec.DynamicNamespaces {
		for _, name := range ns.Authentication {
			used[name] = true
		}
	}
	var names []string
	for _, entry := range svc.Spec.Authentication {
		if !used[entry.Name] {
			names = append(names, entry.Name)
		}
	}
	return names
}

// quoted returns a string literal of JavaScript.
func quoted(s string) string {
	b, _ := json.Marshal(s) // strings always encode
	return string(b)
}
