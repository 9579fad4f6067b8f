// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/api/manifest"
)

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
