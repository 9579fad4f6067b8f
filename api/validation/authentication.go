// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"errors"
	"net/url"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func validateAuthentication(entries []v1alpha1.Authentication, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range entries {
		errs = append(errs, validateURLs(&entries[i], path.Index(i))...)
		if allow := entries[i].Allow; allow != "" {
			errs = compile(errs, path.Index(i).Child("allow"), expression.Client, allow)
		}
		if user := entries[i].User; user != "" {
			errs = compile(errs, path.Index(i).Child("user"), expression.User, user)
		}
	}
	return errs
}

// validateURLs finds what looks like a URL, and is none.
func validateURLs(entry *v1alpha1.Authentication, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	check := func(text, base string, path *field.Path) {
		if _, err := url.Parse(base + text); err != nil {
			var parse *url.Error
			if errors.As(err, &parse) {
				err = parse.Err // without the text
			}
			errs = append(errs, field.Invalid(path, text, err.Error()))
		}
	}
	if webhook := entry.Webhook; webhook != nil {
		check(webhook.URL, "", path.Child("webhook", "url"))
		check(webhook.Path, "http://service", path.Child("webhook", "path"))
	}
	if entry.JWT != nil && entry.JWT.JWKS != nil {
		check(entry.JWT.JWKS.URL, "", path.Child("jwt", "jwks", "url"))
	}
	return errs
}

// validateAdmittance checks whom a namespace admits.
func validateAdmittance(s *v1alpha1.RealtimeService, names []string, anonymous bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, name := range names {
		if !slices.ContainsFunc(s.Spec.Authentication, func(a v1alpha1.Authentication) bool { return a.Name == name }) {
			errs = append(errs, field.NotFound(path.Child("authentication").Index(i), name))
		}
	}
	if anonymous && len(names) == 0 {
		errs = append(errs, field.Forbidden(path.Child("anonymous"), "without authentication all clients are anonymous"))
	}
	return errs
}

// validateReserved keeps handlers of a namespace that asks who clients are from the events by which
// it does that.
func validateReserved(handlers []v1alpha1.Handler, names []string, path *field.Path) field.ErrorList {
	if len(names) == 0 {
		return nil
	}
	var errs field.ErrorList
	for i := range handlers {
		h, path := &handlers[i], path.Index(i)
		if h.Event == v1alpha1.EventRenewToken {
			errs = append(errs, field.Forbidden(path.Child("event"), "clients renew their tokens by it: no handler sees it where authentication is asked for"))
		}
		for j := range h.Do {
			if emit := h.Do[j].Emit; emit != nil && emit.Event == v1alpha1.EventTokenExpires {
				errs = append(errs, field.Forbidden(path.Child("do").Index(j).Child("emit", "event"), "the gateway emits it where authentication is asked for"))
			}
		}
	}
	return errs
}

// validateRevocation refuses to store what nobody has the means to store.
func validateRevocation(s *v1alpha1.RealtimeService, path *field.Path) field.ErrorList {
	if s.Spec.Revocation == nil || s.Spec.Recovery != nil || s.Spec.External() {
		return nil
	}
	return field.ErrorList{field.Forbidden(path, "the NATS that the operator runs stores nothing without spec.recovery")}
}
