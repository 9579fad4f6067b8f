// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/realtime-operator/realtime-operator/gateway/scenario/lab"
)

// Publish has a program publish an event over HTTP.
type Publish struct {
	Namespace string         `yaml:"namespace" doc:"The namespace; / by default."`
	Gateway   int            `yaml:"gateway" doc:"The number of the gateway that it asks, from 1; the first that runs by default."`
	Document  map[string]any `yaml:"document,required" doc:"What it sends; see docs/how-to/publish.md."`
	Status    int            `yaml:"status" doc:"The HTTP status of the answer; 200 by default."`
}

func (s *Publish) check(c *checker, at Pos, path string, gateways int) {
	c.gateway(at, path+".gateway", s.Gateway, gateways)
	if c.file.service.spec.Spec.API == nil {
		c.fail(at, path, "the service has no spec.api, so that no program can publish over HTTP")
	}
}

func (s *Publish) run(w *world) error {
	document, err := json.Marshal(s.Document)
	if err != nil {
		return err
	}
	namespace, want := s.Namespace, s.Status
	if namespace == "" {
		namespace = "/"
	}
	if want == 0 {
		want = http.StatusOK
	}
	status, answer, err := w.lab.Publish(s.Gateway, namespace, document)
	if err != nil {
		return err
	}
	if status != want {
		return &mismatch{"the program receives another answer", fmt.Sprintf("status: %d", want), fmt.Sprintf("status: %d\n%s", status, answer)}
	}
	lab.Settle()
	return nil
}

// maxAdvance bounds by how much a step has the clock go on: all that happens in that time does.
const maxAdvance = 7 * 24 * time.Hour

// Advance has the clock of the test go on.
type Advance struct{ by time.Duration }

// UnmarshalNode reads the time alone.
func (s *Advance) UnmarshalNode(_ *yaml.Node, decode func(any)) error {
	decode(&s.by)
	return nil
}

// Schema is that of a time.
func (s *Advance) Schema(of func(any) map[string]any) map[string]any { return of(time.Duration(0)) }

func (s *Advance) check(c *checker, at Pos, path string, _ int) {
	if s.by > maxAdvance {
		c.fail(at, path, "want at most %s", maxAdvance)
	}
}

func (s *Advance) run(*world) error { //nolint:unparam // every step may fail
	lab.Advance(s.by)
	return nil
}

// gatewayStep is about one gateway; 0 is the first that runs.
type gatewayStep struct{ number int }

// UnmarshalNode reads "gateway", or "gateway 2".
func (s *gatewayStep) UnmarshalNode(_ *yaml.Node, decode func(any)) (err error) {
	s.number, err = gatewayNumber(decode)
	return err
}

// Schema says so to editors.
func (s *gatewayStep) Schema(func(any) map[string]any) map[string]any { return gatewaySchema() }

func (s *gatewayStep) check(c *checker, at Pos, path string, gateways int) {
	c.gateway(at, path, s.number, gateways)
}

// Kill loses a gateway.
type Kill struct{ gatewayStep }

func (s *Kill) run(w *world) error { return settled(w.lab.Kill(s.number)) }

// Cut cuts a gateway off from NATS.
type Cut struct{ gatewayStep }

func (s *Cut) run(w *world) error { return settled(w.lab.Cut(s.number)) }

// Heal undoes Cut.
type Heal struct{ gatewayStep }

func (s *Heal) run(w *world) error { return settled(w.lab.Heal(s.number)) }

func settled(err error) error {
	lab.Settle()
	return err
}

// Apply puts another manifest in force.
type Apply struct{ manifest string }

// UnmarshalNode reads the name of the file.
func (s *Apply) UnmarshalNode(_ *yaml.Node, decode func(any)) error {
	decode(&s.manifest)
	return nil
}

// Schema is that of a name.
func (s *Apply) Schema(of func(any) map[string]any) map[string]any { return of("") }

func (s *Apply) check(c *checker, at Pos, path string, _ int) {
	if s.manifest == "" {
		c.fail(at, path, "want the name of a manifest")
	}
}

func (s *Apply) run(w *world) error {
	svc, err := w.load(s.manifest)
	if err != nil {
		return err
	}
	w.spec = svc
	return settled(w.lab.Apply(svc))
}
