// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/scenario/strictyaml"
)

// defaultClock is when tests begin: far enough from now that tokens in a file are not "not yet
// valid".
const defaultClock = "2030-01-01T00:00:00Z"

// maxGateways bounds how many gateways a test may have.
const maxGateways = 9

// service is a manifest that tests run.
type service struct {
	// file is its name, relative to where the program runs.
	file string
	spec *v1alpha1.RealtimeService
}

// InvalidError is a file that cannot be run. Its text has a line for each mistake, with the file,
// the line and the column.
type InvalidError struct{ Mistakes []string }

func (e *InvalidError) Error() string { return strings.Join(e.Mistakes, "\n") }

// ExitCode is that of the program.
func (e *InvalidError) ExitCode() int { return 2 }

func invalid(file string, err error) *InvalidError {
	e := &InvalidError{}
	var many interface{ Unwrap() []error }
	list := []error{err}
	if errors.As(err, &many) {
		list = many.Unwrap()
	}
	for _, one := range list {
		e.Mistakes = append(e.Mistakes, file+":"+one.Error())
	}
	return e
}

// Load reads a file with tests, and the manifest that it names. The error is an *InvalidError.
func Load(ctx context.Context, name string) (*File, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, &InvalidError{[]string{err.Error()}}
	}
	f := &File{name: name}
	if err := strictyaml.Decode(bytes.NewReader(data), f); err != nil {
		return nil, invalid(name, err)
	}
	if f.service, err = f.manifest(ctx, f.Service); err != nil {
		return nil, err
	}
	c := &checker{file: f}
	c.check()
	if err := c.mistakes.Err(); err != nil {
		return nil, invalid(name, err)
	}
	return f, nil
}

// manifest loads a manifest that a file names, relative to the file or with its whole path.
func (f *File) manifest(ctx context.Context, relative string) (service, error) {
	if !filepath.IsAbs(relative) {
		relative = filepath.Join(filepath.Dir(f.name), relative)
	}
	return loadService(ctx, relative)
}

func loadService(ctx context.Context, file string) (service, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return service{}, &InvalidError{[]string{"read the manifest: " + err.Error()}}
	}
	svc, err := manifest.Load(ctx, data)
	if err == nil {
		return service{file, svc}, nil
	}
	e := &InvalidError{[]string{file + " is refused:"}}
	var many interface{ Errors() []error }
	list := []error{err}
	if errors.As(err, &many) {
		list = many.Errors()
	}
	for _, one := range list {
		e.Mistakes = append(e.Mistakes, "  "+one.Error())
	}
	return service{}, e
}

// checker looks for mistakes that the form does not show.
type checker struct {
	file     *File
	mistakes strictyaml.Errors
}

func (c *checker) fail(at Pos, path, format string, args ...any) {
	c.mistakes = append(c.mistakes, &strictyaml.Error{Pos: at, Path: path, Reason: fmt.Sprintf(format, args...)})
}

var errNoTests = "there are neither tests nor a matrix"

func (c *checker) check() {
	f, first := c.file, Pos{Line: 1, Column: 1}
	if len(f.Tests)+len(f.Matrix) == 0 {
		c.fail(first, "", "%s", errNoTests)
	}
	if _, err := time.Parse(time.RFC3339, f.clock()); err != nil {
		c.fail(first, "clock", "want a time such as %s", defaultClock)
	}
	if p := &f.service.spec.Spec.Protocol; p.Parser == "msgpack" {
		c.fail(first, "service", "the clients of tests speak JSON, and spec.protocol.parser is msgpack")
	}
	c.gateways(first, "gateways", f.Gateways)
	for name, client := range f.Clients {
		c.client(client, "clients."+name)
	}
	names := map[string]bool{}
	for i, m := range f.Matrix {
		c.name(names, m.Pos, fmt.Sprintf("matrix[%d].name", i), m.Name)
		c.matrix(m, fmt.Sprintf("matrix[%d]", i))
	}
	for i, t := range f.Tests {
		path := fmt.Sprintf("tests[%d]", i)
		c.name(names, t.Pos, path+".name", t.Name)
		c.gateways(t.Pos, path+".gateways", t.Gateways)
		for j, s := range t.Steps {
			c.step(s, fmt.Sprintf("%s.steps[%d]", path, j), f.gatewaysOf(t))
		}
	}
}

func (c *checker) name(names map[string]bool, at Pos, path, name string) {
	if names[name] {
		c.fail(at, path, "another test has the name %q, too", name)
	}
	names[name] = true
}

func (c *checker) gateways(at Pos, path string, n int) {
	if n < 0 || n > maxGateways {
		c.fail(at, path, "want 1 to %d", maxGateways)
	}
}

func (c *checker) client(client *Client, path string) {
	if client == nil {
		c.fail(Pos{Line: 1, Column: 1}, path, "want a mapping; {} is a client that shows no token")
		return
	}
	if client.Address != "" && net.ParseIP(client.Address) == nil {
		c.fail(client.Pos, path+".address", "%q is no IP address", client.Address)
	}
	if client.Token != "" && client.Claims != nil {
		c.fail(client.Pos, path, "it has either a token or claims")
	}
	if client.Token == "" && client.Claims == nil {
		if client.As != "" {
			c.fail(client.Pos, path+".as", "it has neither a token nor claims")
		}
		return
	}
	entry, err := c.file.service.entry(client.As, client.namespace())
	switch {
	case err != nil:
		c.fail(client.Pos, path+".as", "%s", err)
	case client.Claims != nil && entry.Tokens != nil:
		c.fail(client.Pos, path+".claims", "%s has the tokens of a Secret, so that there is none for claims: give a token", entry.Name)
	}
}

// known checks that a client is in the file.
func (c *checker) known(at Pos, path string, names ...string) {
	for _, name := range names {
		if c.file.Clients[name] == nil {
			c.fail(at, path, "there is no client %q in clients", name)
		}
	}
}

func (c *checker) gateway(at Pos, path string, number, of int) {
	if number < 0 || number > of {
		c.fail(at, path, "there is no gateway %d; the test has %d", number, of)
	}
}

func (c *checker) values(at Pos, path string, values []any, compared bool) {
	for i, v := range values {
		if err := checkValue(v, compared); err != nil {
			c.fail(at, fmt.Sprintf("%s[%d]", path, i), "%s", err)
		}
	}
}

// action is what a step does.
type action interface {
	// check looks for mistakes. gateways is how many the test has.
	check(c *checker, at Pos, path string, gateways int)
	// run returns a *mismatch if the step fails.
	run(w *world) error
}

// action returns the field of the step that is there, and its name. It is nil if there is not
// exactly one.
func (s *Step) action() (name string, found action) {
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		if a, ok := v.Field(i).Interface().(action); ok && !v.Field(i).IsNil() {
			if found != nil {
				return "", nil
			}
			name, found = v.Type().Field(i).Tag.Get("yaml"), a
		}
	}
	return name, found
}

func (c *checker) step(s *Step, path string, gateways int) {
	name, a := s.action()
	if a == nil {
		c.fail(s.Pos, path, "want exactly one of %s", strings.Join(stepNames(), ", "))
		return
	}
	a.check(c, s.Pos, path+"."+name, gateways)
}

func stepNames() []string {
	var names []string
	t := reflect.TypeFor[Step]()
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("yaml"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (f *File) clock() string {
	if f.Clock == "" {
		return defaultClock
	}
	return f.Clock
}

// gatewaysOf is how many gateways a test has; of nil, those of the file.
func (f *File) gatewaysOf(t *Test) int {
	switch {
	case t != nil && t.Gateways > 0:
		return t.Gateways
	case f.Gateways > 0:
		return f.Gateways
	}
	return 1
}

func (c *Client) namespace() string {
	if c.Namespace == "" {
		return "/"
	}
	return c.Namespace
}

// entry returns the entry of a name; without one, the first that a namespace accepts.
func (s service) entry(name, namespace string) (*v1alpha1.Authentication, error) {
	if name == "" {
		accepted, exists := s.accepted(namespace)
		if !exists {
			return nil, fmt.Errorf("there is no namespace %s", namespace)
		}
		if len(accepted) == 0 {
			return nil, fmt.Errorf("the namespace %s asks nobody who it is, so that a token is of no use there", namespace)
		}
		name = accepted[0]
	}
	for i := range s.spec.Spec.Authentication {
		if entry := &s.spec.Spec.Authentication[i]; entry.Name == name {
			return entry, nil
		}
	}
	return nil, fmt.Errorf("spec.authentication has no entry %q", name)
}
