// SPDX-License-Identifier: Apache-2.0

// Package validation checks what the schema of a RealtimeService cannot.
package validation

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const maxNameLength = 128

// identifier is a name that a CEL expression can select.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// Service checks what the schema cannot: that every expression compiles and has a suitable result,
// and that no handler has an action that can never happen. The API server applies the schema, and
// so does package manifest.
func Service(s *v1alpha1.RealtimeService) field.ErrorList {
	if errs := validateSize(s); len(errs) > 0 {
		return errs
	}
	errs := validateProtocol(&s.Spec.Protocol, field.NewPath("spec", "protocol"))
	errs = append(errs, validateProxies(&s.Spec.Protocol, field.NewPath("spec", "protocol"))...)
	errs = append(errs, validatePods(&s.Spec)...)
	errs = append(errs, validateAutoscaling(s, field.NewPath("spec", "gateway", "autoscaling"))...)
	errs = append(errs, validateUpdatePolicy(&s.Spec.Gateway.UpdatePolicy, field.NewPath("spec", "gateway", "updatePolicy"))...)
	errs = append(errs, validateNetworkPolicy(s.Spec.NetworkPolicy, field.NewPath("spec", "networkPolicy"))...)
	errs = append(errs, validateAuthentication(s.Spec.Authentication, field.NewPath("spec", "authentication"))...)
	errs = append(errs, validateLimits(s, field.NewPath("spec", "limits"))...)
	errs = append(errs, validateRevocation(s, field.NewPath("spec", "revocation"))...)
	namespaces := field.NewPath("spec", "namespaces")
	for i := range s.Spec.Namespaces {
		ns := &s.Spec.Namespaces[i]
		errs = append(errs, validateAdmittance(s, ns.Authentication, ns.Anonymous, namespaces.Index(i))...)
		errs = append(errs, validateRooms(ns.Rooms, s.Spec.Recovery != nil, namespaces.Index(i).Child("rooms"))...)
		errs = append(errs, validateHandlers(ns.Handlers, namespaces.Index(i).Child("handlers"))...)
		errs = append(errs, validateDemands(ns.Rooms, ns.Handlers, namespaces.Index(i).Child("handlers"))...)
		errs = append(errs, params(nil).validate(ns.Rooms, ns.Handlers, namespaces.Index(i))...)
		errs = append(errs, validateReserved(ns.Handlers, ns.Authentication, namespaces.Index(i).Child("handlers"))...)
		errs = append(errs, validateUsers(ns.Handlers, ns.Authentication, ns.AddressUsers, namespaces.Index(i))...)
	}
	dynamic := field.NewPath("spec", "dynamicNamespaces")
	for i := range s.Spec.DynamicNamespaces {
		ns := &s.Spec.DynamicNamespaces[i]
		if _, err := regexp.Compile(ns.Pattern); err != nil {
			errs = append(errs, field.Invalid(dynamic.Index(i).Child("pattern"), ns.Pattern, err.Error()))
		}
		errs = append(errs, validateAdmittance(s, ns.Authentication, ns.Anonymous, dynamic.Index(i))...)
		errs = append(errs, validateRooms(ns.Rooms, s.Spec.Recovery != nil, dynamic.Index(i).Child("rooms"))...)
		errs = append(errs, validateHandlers(ns.Handlers, dynamic.Index(i).Child("handlers"))...)
		errs = append(errs, validateDemands(ns.Rooms, ns.Handlers, dynamic.Index(i).Child("handlers"))...)
		errs = append(errs, paramsOf(ns.Pattern).validate(ns.Rooms, ns.Handlers, dynamic.Index(i))...)
		errs = append(errs, validateReserved(ns.Handlers, ns.Authentication, dynamic.Index(i).Child("handlers"))...)
		errs = append(errs, validateUsers(ns.Handlers, ns.Authentication, ns.AddressUsers, dynamic.Index(i))...)
	}
	return errs
}

func validateHandlers(handlers []v1alpha1.Handler, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range handlers {
		errs = append(errs, validateHandler(&handlers[i], path.Index(i))...)
	}
	return errs
}

func validateHandler(h *v1alpha1.Handler, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if h.When != "" {
		errs = append(errs, use{path.Child("when"), expression.Condition, v1alpha1.Expression(h.When)}.validate(available{})...)
	}
	var there available
	for i := range h.Do {
		step := path.Child("do").Index(i)
		errs = append(errs, validateAction(&h.Do[i], step, there)...)
		errs = append(errs, impossibleAt(&h.Do[i], h.Event, step)...)
		errs = append(errs, validateStop(h.Do, i, path.Child("do"))...)
		there.after(&h.Do[i])
	}
	return errs
}

// validateAction checks an action, behind others that make late variables available.
func validateAction(a *v1alpha1.Action, path *field.Path, there available) field.ErrorList {
	errs := validateKind(a, path)
	for _, name := range slices.Sorted(maps.Keys(a.Set)) {
		errs = append(errs, validateName(name, path.Child("set").Key(name))...)
	}
	if a.Emit != nil && a.Emit.Ack != nil {
		errs = append(errs, validateEmitAck(a.Emit.Ack, path.Child("emit", "ack"))...)
	}
	if a.Emit != nil && a.Emit.IfRevision != "" {
		errs = append(errs, validateIfRevision(a.Emit, path.Child("emit", "ifRevision"))...)
	}
	for _, u := range expressionsOf(a, path) {
		errs = append(errs, u.validate(there)...)
	}
	return errs
}

// validateName checks a name of socket.data. The schema cannot: keys have no bound in it, so that a
// rule about them would exceed the API server's cost limit.
func validateName(name string, path *field.Path) field.ErrorList {
	switch {
	case name == "true" || name == "false":
		return field.ErrorList{field.Invalid(path, name, "is no name; YAML makes it of y, n, yes, no, on and off, unless these are quoted")}
	case len(name) > maxNameLength || !identifier.MatchString(name):
		return field.ErrorList{field.Invalid(path, name, fmt.Sprintf("must be an identifier of at most %d characters", maxNameLength))}
	}
	return nil
}

// The bounds of emit.ack.timeout: a handler that waits holds on to its event.
const (
	minAckTimeout = 100 * time.Millisecond
	maxAckTimeout = time.Minute
)

func validateEmitAck(a *v1alpha1.EmitAck, path *field.Path) field.ErrorList {
	if t := a.Timeout.Duration; t != 0 && (t < minAckTimeout || t > maxAckTimeout) {
		return field.ErrorList{field.Invalid(path.Child("timeout"), t.String(), "must be from 100ms to 1m")}
	}
	return nil
}

// answersNobody refuses answers to events that ask for none.
func answersNobody(a *v1alpha1.Action, event string, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	answers := map[string]bool{"ack": a.Ack != "", "history": a.History != nil, "presence": a.Presence != nil}
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		if answers[name] {
			errs = append(errs, field.Forbidden(path.Child(name), "at "+event+" nobody waits for an acknowledgement"))
		}
	}
	return errs
}

// impossibleAt refuses steps that can do nothing at an event: at a connection no client waits for
// an acknowledgement, and a leaving socket neither joins nor receives.
func impossibleAt(a *v1alpha1.Action, event string, path *field.Path) field.ErrorList {
	leaving := event == v1alpha1.EventDisconnecting || event == v1alpha1.EventDisconnect
	if !leaving && event != v1alpha1.EventConnection {
		return nil
	}
	errs := answersNobody(a, event, path)
	if !leaving {
		return errs
	}
	if a.Join != "" {
		errs = append(errs, field.Forbidden(path.Child("join"), "at "+event+" the socket is leaving"))
	}
	if a.JoinOneOf != nil {
		errs = append(errs, field.Forbidden(path.Child("joinOneOf"), "at "+event+" the socket is leaving"))
	}
	if a.Leave != "" {
		errs = append(errs, field.Forbidden(path.Child("leave"), "at "+event+" the socket leaves its rooms by itself"))
	}
	if a.Disconnect != nil {
		errs = append(errs, field.Forbidden(path.Child("disconnect"), "at "+event+" the socket is leaving already"))
	}
	if a.Emit != nil && a.Emit.To == v1alpha1.EmitToSocket {
		errs = append(errs, field.Forbidden(path.Child("emit", "to"), "at "+event+" the socket receives nothing any more"))
	}
	if a.Emit != nil && a.Emit.Ack != nil {
		errs = append(errs, field.Forbidden(path.Child("emit", "ack"), "at "+event+" the socket is gone before anybody answers"))
	}
	return errs
}
