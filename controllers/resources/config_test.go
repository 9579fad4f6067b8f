// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// notForGateways are the fields of a service that only the operator reads: they become objects, or
// flags and volumes of the gateways' pods.
var notForGateways = []string{"nats", "api", "networkPolicy"}

func TestConfigurationHasEveryFieldThatIsForGateways(t *testing.T) {
	read := fieldNames(reflect.TypeFor[configSpec]())
	for _, name := range fieldNames(reflect.TypeFor[v1alpha1.RealtimeServiceSpec]()) {
		if slices.Contains(read, name) == slices.Contains(notForGateways, name) {
			t.Errorf("spec.%s: is it for gateways? Add it to configSpec, or to notForGateways", name)
		}
	}
}

func fieldNames(of reflect.Type) []string {
	var names []string
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// A gateway loads its configuration as it would load the manifest.
func TestGatewaysReadWhoClientsAreAndWhatTheyMayHold(t *testing.T) {
	svc, err := manifest.Load(t.Context(), []byte(`
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: chat, namespace: talk}
spec:
  limits: {maxConnections: 7, perUser: {connections: 3}}
  recovery: {}
  revocation: {keep: 1h}
  authentication: [{name: users, tokens: {secretRef: {name: users}}}]
  namespaces: [{name: /, authentication: [users]}]
`))
	if err != nil {
		t.Fatal(err)
	}
	config, err := ConfigMap(svc, 1)
	if err != nil {
		t.Fatal(err)
	}
	read, err := manifest.Load(t.Context(), []byte(config.Data[ConfigKey]))
	if err != nil {
		t.Fatalf("%v\n%s", err, config.Data[ConfigKey])
	}
	if diff := cmp.Diff(svc.Spec, read.Spec, cmp.Comparer(sameNumber)); diff != "" {
		t.Error(diff)
	}
}
