// SPDX-License-Identifier: Apache-2.0

package gatewayconfig_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// everything is a service that uses each field of its spec.
const everything = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: all}
spec:
  gateway: {replicas: 3, drain: {rate: 7}, tracing: {endpoint: "http://collector:4318"}, profiling: {}}
  nats: {urls: ["nats://nats.example"]}
  protocol: {path: /all/}
  limits: {maxRooms: 3}
  recovery: {maxDisconnection: 1m}
  api: {tokenSecretRef: {name: publishers}}
  networkPolicy: {}
  authentication: [{name: people, tokens: {secretRef: {name: people}}}]
  exposure: {host: chat.example.com, ingress: {}}
  revocation: {}
  namespaces: [{name: /, authentication: [people], rooms: [{name: hall}]}]
  dynamicNamespaces: [{pattern: "/[a-z]+", authentication: [people], handlers: [{event: hi, do: [{ack: "[1]"}]}]}]
`

// A gateway that did not hear of authentication or of a limit would have none.
func TestGatewaysReadAllOfTheSpec(t *testing.T) {
	svc, err := manifest.Load(t.Context(), []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	data, err := gatewayconfig.Render(svc, 7)
	if err != nil {
		t.Fatal(err)
	}
	var read v1alpha1.RealtimeService
	if err := yaml.UnmarshalStrict(data, &read); err != nil {
		t.Fatal(err)
	}
	whole, got := reflect.ValueOf(svc.Spec), reflect.ValueOf(read.Spec)
	for i := range whole.NumField() {
		name := whole.Type().Field(i).Name
		switch {
		case whole.Field(i).IsZero():
			t.Errorf("the service here does not use spec.%s", name)
		case name == "Gateway" || name == "Exposure" || name == "NetworkPolicy":
		case got.Field(i).IsZero() || !sameYAML(t, whole.Field(i).Interface(), got.Field(i).Interface()):
			t.Errorf("of spec.%s, gateways read %+v", name, got.Field(i))
		}
	}
	var parts struct {
		Spec map[string]map[string]any `json:"spec"`
	}
	_ = yaml.Unmarshal(data, &parts) // lists are no maps
	if keys := slices.Collect(maps.Keys(parts.Spec["gateway"])); !slices.Equal(slices.Sorted(slices.Values(keys)), []string{"drain", "profiling", "tracing"}) || *read.Spec.Gateway.Drain.Rate != 7 {
		t.Errorf("of spec.gateway, gateways read %q", keys)
	}
	if strings.Contains(string(data), "networkPolicy") || strings.Contains(string(data), "exposure") {
		t.Errorf("gateways read\n%s", data)
	}
}

// sameYAML compares what two values say: a quantity may be written in several ways.
func sameYAML(t *testing.T, a, b any) bool {
	t.Helper()
	left, err := yaml.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	right, err := yaml.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(left) == string(right)
}

const addressing = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: addressing}
spec:
  authentication: [{name: people, tokens: {secretRef: {name: people}}}]
  namespaces:
  - name: /
    authentication: [people]
    handlers:
    - {event: all, do: [{emit: {event: told}}, {emit: {rooms: ["'hall'"], event: told}}]}
    - {event: one, do: [{ack: "[1]"}, {emit: {to: user, user: "'ada'", event: told}}]}
  dynamicNamespaces:
  - pattern: "/[a-z]+"
    authentication: [people]
    handlers: [{event: one, do: [{emit: {to: user, user: "'ada'", event: told}}]}]
`

// Gateways of earlier releases would emit to all what is for some. They do not know this field, and
// know rooms: these are nothing that they compile.
func TestWhatIsForUsersIsNothingToGatewaysOfEarlierReleases(t *testing.T) {
	svc, err := manifest.Load(t.Context(), []byte(addressing))
	if err != nil {
		t.Fatal(err)
	}
	before := svc.DeepCopy()
	data, err := gatewayconfig.Render(svc, 7)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, svc); diff != "" {
		t.Errorf("the service has changed:\n%s", diff)
	}
	var earlier v1alpha1.RealtimeService
	if err := yaml.Unmarshal(data, &earlier); err != nil {
		t.Fatal(err)
	}
	for path, handlers := range map[string][]v1alpha1.Handler{
		"namespaces": earlier.Spec.Namespaces[0].Handlers[1:], "dynamicNamespaces": earlier.Spec.DynamicNamespaces[0].Handlers,
	} {
		do := handlers[0].Do
		rooms := do[len(do)-1].Emit.Rooms
		if len(rooms) != 1 {
			t.Fatalf("%s: an earlier gateway emits to rooms %q", path, rooms)
		}
		if _, err := expression.Compile(expression.Rooms, string(rooms[0])); err == nil {
			t.Errorf("%s: an earlier gateway compiles %q", path, rooms[0])
		}
	}
	read, err := gatewayconfig.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(svc.Spec.Namespaces, read.Spec.Namespaces, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a gateway of this release reads (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(svc.Spec.DynamicNamespaces, read.Spec.DynamicNamespaces, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a gateway of this release reads (-want +got):\n%s", diff)
	}
}
