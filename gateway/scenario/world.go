// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// patience is how long a step waits for what it expects, by the clock of the test, unless it says
// otherwise.
const patience = time.Second

// tokenValid is how long the token of a client is valid, unless the client says otherwise.
const tokenValid = time.Hour

// world is where a test happens.
type world struct {
	file    *File
	lab     *lab.Lab
	issuer  *lab.Issuer
	clients map[string]*lab.Client
	// spec is the service in force.
	spec *v1alpha1.RealtimeService
	// load loads another manifest.
	load func(relative string) (*v1alpha1.RealtimeService, error)
}

// mismatch is an expectation that is not met.
type mismatch struct {
	text             string
	expected, actual string
}

func (m *mismatch) Error() string { return m.text }

func failf(format string, args ...any) error { return &mismatch{text: fmt.Sprintf(format, args...)} }

// connected returns a client that has connected in the test. It may have been disconnected since.
func (w *world) connected(name string) (*lab.Client, error) {
	c := w.clients[name]
	if c == nil {
		return nil, failf("%s has not connected", name)
	}
	return c, nil
}

// visit is how a client connects.
func (w *world) visit(client *Client) (lab.Visit, error) {
	return visitOf(w.file.service, w.issuer, client)
}

func visitOf(s service, issuer *lab.Issuer, client *Client) (lab.Visit, error) {
	v := lab.Visit{
		Gateway: client.Gateway, Namespace: client.namespace(), Auth: maps.Clone(client.Auth),
		Query: url.Values{}, Header: http.Header{}, Address: client.Address,
	}
	for name, value := range client.Query {
		v.Query.Set(name, value)
	}
	for name, value := range client.Headers {
		v.Header.Set(name, value)
	}
	if client.Token == "" && client.Claims == nil {
		return v, nil
	}
	entry, err := s.entry(client.As, v.Namespace)
	if err != nil {
		return v, err
	}
	token := client.Token
	if token == "" {
		valid := tokenValid
		if client.Valid != nil {
			valid = *client.Valid
		}
		if token, err = issuer.Sign(entry, client.Claims, valid); err != nil {
			return v, err
		}
	}
	return v, place(&v, string(entry.Locations()[0]), token)
}

// place puts a token where an entry looks for it first.
func place(v *lab.Visit, location, token string) error {
	kind, name, _ := strings.Cut(location, ".")
	switch kind {
	case "header":
		if strings.EqualFold(name, "authorization") {
			token = "Bearer " + token
		}
		v.Header.Set(name, token)
	case "cookie":
		v.Header.Add("Cookie", name+"="+token)
	case "query":
		v.Query.Set(name, token)
	case "auth":
		if v.Auth == nil {
			v.Auth = map[string]any{}
		}
		return placeIn(v.Auth, strings.Split(name, "."), token)
	default:
		return fmt.Errorf("%s is a location that tests do not know", location)
	}
	return nil
}

func placeIn(object map[string]any, path []string, token string) error {
	for _, name := range path[:len(path)-1] {
		inner := map[string]any{}
		if given, ok := object[name].(map[string]any); ok {
			maps.Copy(inner, given)
		}
		object[name] = inner
		object = inner
	}
	object[path[len(path)-1]] = token
	return nil
}

// accepted are the entries that a namespace accepts; exists is false if there is no such namespace.
func (s service) accepted(namespace string) (entries []string, exists bool) {
	for i := range s.spec.Spec.Namespaces {
		if ns := &s.spec.Spec.Namespaces[i]; ns.Name == namespace {
			return ns.Authentication, true
		}
	}
	for i := range s.spec.Spec.DynamicNamespaces {
		ns := &s.spec.Spec.DynamicNamespaces[i]
		if pattern, err := socketio.ParsePattern(ns.Pattern); err == nil {
			if _, ok := pattern.Match(namespace); ok {
				return ns.Authentication, true
			}
		}
	}
	return nil, false
}

// outcomeOf is what has become of a wish to connect: nil, or how it was refused.
func outcomeOf(err error) (*Failure, error) {
	var refused *lab.Refusal
	if err == nil || !errors.As(err, &refused) {
		return nil, err
	}
	return &Failure{Code: refused.Code, Message: refused.Message, Status: refused.Status}, nil
}

// compare returns a mismatch if something was refused in another way than it should have been. The
// receiver is nil if it should be allowed.
func (f *Failure) compare(what string, got *Failure) error {
	switch {
	case f == nil && got == nil:
		return nil
	case f == nil:
		return &mismatch{text: what + " is refused", expected: "allowed", actual: got.String()}
	case got == nil:
		return &mismatch{text: what + " is not refused", expected: f.String(), actual: "allowed"}
	}
	differs := f.Status != 0 && f.Status != got.Status
	for _, part := range []struct{ want, got string }{{f.Code, got.Code}, {f.Rule, got.Rule}, {f.Message, got.Message}} {
		differs = differs || part.want != "" && part.want != part.got
	}
	if !differs {
		return nil
	}
	return &mismatch{text: what + " is refused in another way", expected: f.String(), actual: got.String()}
}

func (f *Failure) String() string {
	var lines []string
	for _, part := range []struct{ name, value string }{
		{"code", f.Code}, {"rule", f.Rule}, {"message", f.Message}, {"status", numberOr(f.Status)},
	} {
		if part.value != "" {
			lines = append(lines, part.name+": "+part.value)
		}
	}
	return strings.Join(lines, "\n")
}

func numberOr(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// answerError is the error in an acknowledgement, {error: …} as its first argument; nil if there is
// none.
func answerError(args []any) *Failure {
	if len(args) == 0 {
		return nil
	}
	object, _ := args[0].(map[string]any)
	switch e := object["error"].(type) {
	case string:
		return &Failure{Code: outcomeFailed, Message: e}
	case map[string]any:
		f := &Failure{}
		f.Code, _ = e["code"].(string)
		f.Rule, _ = e["rule"].(string)
		f.Message, _ = e["message"].(string)
		return f
	}
	return nil
}

// within is the patience of a step.
func within(d *time.Duration) time.Duration {
	if d == nil {
		return patience
	}
	return *d
}

func sortedNames[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// loader loads the manifests of `apply`, once for a run.
type loader struct {
	file   *File
	loaded map[string]service
}

func (l *loader) load(ctx context.Context, relative string) (*v1alpha1.RealtimeService, error) {
	if s, ok := l.loaded[relative]; ok {
		return s.spec, nil
	}
	s, err := l.file.manifest(ctx, relative)
	if err != nil {
		return nil, err
	}
	l.loaded[relative] = s
	return s.spec, nil
}
