// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// TestBadManifestsAreRefused sends what the schema, its rules and the webhook must refuse.
func TestBadManifestsAreRefused(t *testing.T) {
	c, namespace := useCluster(t)
	on := func(handler string) string { return "spec: {namespaces: [{name: /, handlers: [" + handler + "]}]}" }
	fine := "namespaces: [{name: /}]"
	peer := func(peer string) string {
		return "spec: {networkPolicy: {monitoring: [" + peer + "]}, " + fine + "}"
	}
	for name, test := range map[string]struct {
		manifest string
		want     []string
	}{
		// by the schema
		"unknown field":              {"spec: {gatway: {}, " + fine + "}", []string{"spec.gatway", "unknown field"}},
		"no namespace":               {"spec: {namespaces: []}", []string{"spec.namespaces", "at least 1"}},
		"namespace twice":            {"spec: {namespaces: [{name: /}, {name: /}]}", []string{"spec.namespaces[1]", "Duplicate value"}},
		"bad duration":               {"spec: {protocol: {pingInterval: soon}, " + fine + "}", []string{"spec.protocol.pingInterval", "soon"}},
		"two actions in one":         {on("{event: e, do: [{join: \"'a'\", leave: \"'b'\"}]}"), []string{"spec.namespaces[0].handlers[0].do[0]", "has join and leave, and may have one of them"}},
		"unknown Service":            {"spec: {gateway: {service: {type: ExternalName}}, " + fine + "}", []string{"spec.gateway.service.type", "ExternalName"}},
		"NATS that is no URL":        {"spec: {nats: {urls: ['nats:4222']}, " + fine + "}", []string{"spec.nats.urls[0]"}},
		"transport without port":     {"spec: {protocol: {transports: [polling, webtransport]}, " + fine + "}", []string{"spec.protocol.transports[1]", "webtransport"}},
		"WebTransport without name":  {"spec: {protocol: {webTransport: {}}, " + fine + "}", []string{"spec.protocol.webTransport.tlsSecretRef", "Required"}},
		"Secret that cannot be":      {"spec: {protocol: {webTransport: {tlsSecretRef: {name: Chat_TLS}}}, " + fine + "}", []string{"spec.protocol.webTransport.tlsSecretRef.name", "Chat_TLS"}},
		"API without a token":        {"spec: {api: {}, " + fine + "}", []string{"spec.api.tokenSecretRef", "Required value"}},
		"UDP port that is too large": {"spec: {gateway: {service: {webTransportPort: 65536}}, " + fine + "}", []string{"spec.gateway.service.webTransportPort", "65535"}},
		"policy that is for nobody":  {"spec: {networkPolicy: {clients: []}, " + fine + "}", []string{"spec.networkPolicy.clients", "at least 1"}},
		// by its rules
		"duration out of bounds":        {"spec: {protocol: {pingTimeout: 2h}, " + fine + "}", []string{"spec.protocol.pingTimeout", "from 100ms to 1h"}},
		"payload out of bounds":         {"spec: {protocol: {maxPayload: 1Gi}, " + fine + "}", []string{"spec.protocol.maxPayload", "from 1k to 64Mi"}},
		"reserved event":                {on("{event: connect, do: [{disconnect: {}}]}"), []string{"spec.namespaces[0].handlers[0].event", "reserved"}},
		"least above the most":          {"spec: {gateway: {autoscaling: {minReplicas: 3, maxReplicas: 2}}, " + fine + "}", []string{"spec.gateway.autoscaling.minReplicas", "must not be greater"}},
		"name that no Service may have": {"metadata: {name: chat.v2}\nspec: {" + fine + "}", []string{"start with a letter, since a Service"}},
		"name that is too long":         {"metadata: {name: " + strings.Repeat("a", 46) + "}\nspec: {" + fine + "}", []string{"at most 45 characters"}},
		"rooms for a socket":            {on("{event: e, do: [{emit: {event: f, to: socket, rooms: [\"'a'\"]}}]}"), []string{"do[0].emit.to", "do not go with"}},
		"socket that is local":          {on("{event: e, do: [{emit: {event: f, to: socket, local: true}}]}"), []string{"do[0].emit.local", "makes no sense"}},
		"credentials for anybody":       {"spec: {protocol: {cors: {origins: ['*'], credentials: true}}, " + fine + "}", []string{"spec.protocol.cors.credentials"}},
		// by the webhook
		"expression that does not compile":  {on("{event: e, when: 'args[0', do: [{disconnect: {}}]}"), []string{"spec.namespaces[0].handlers[0].when", "column 7", "Syntax error"}},
		"expression of an unknown variable": {on("{event: e, do: [{join: sockets.id}]}"), []string{"spec.namespaces[0].handlers[0].do[0].join", "undeclared reference"}},
		"expression of the wrong kind":      {on("{event: e, do: [{emit: {event: f, args: '1'}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.args", "must yield a list"}},
		"misspelt field in a set":           {on("{event: e, do: [{set: {name: socket.dta}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].set[name]", "undefined field 'dta'"}},
		"ack that nobody waits for":         {on("{event: connection, do: [{ack: '[]'}]}"), []string{"spec.namespaces[0].handlers[0].do[0].ack", "nobody waits"}},
		"answers nobody is asked for":       {on("{event: e, do: [{ack: '[answers]'}]}"), []string{"spec.namespaces[0].handlers[0].do[0].ack", "only behind an emit with ack"}},
		"wait that is too long":             {on("{event: e, do: [{emit: {event: f, ack: {timeout: 2m}}}]}"), []string{"do[0].emit.ack.timeout", "from 100ms to 1m"}},
		"peer that is nobody":               {peer("{}"), []string{"spec.networkPolicy.monitoring[0]", "name podSelector"}},
		"peer that is no range":             {peer("{ipBlock: {cidr: 10.0.0.0}}"), []string{"spec.networkPolicy.monitoring[0].ipBlock.cidr", "such as 10.0.0.0/8"}},
		"peer but for others":               {peer("{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 192.0.2.0/24]}}"), []string{"monitoring[0].ipBlock.except[1]", "within 10.0.0.0/8"}},
		"peer of both kinds":                {peer("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"), []string{"spec.networkPolicy.monitoring[0]", "stands alone"}},
		"peer of an impossible label":       {peer("{podSelector: {matchLabels: {app: 'a b'}}}"), []string{"monitoring[0].podSelector.matchLabels", "a b"}},
		"two mistakes at once": {
			on("{event: e, when: '1', do: [{join: '1'}]}"),
			[]string{"spec.namespaces[0].handlers[0].when", "spec.namespaces[0].handlers[0].do[0].join"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.Create(t.Context(), parse(t, namespace, test.manifest), client.FieldValidation(metav1.FieldValidationStrict))
			if err == nil {
				t.Fatal("it is let in")
			}
			if err := contains(err.Error(), test.want...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestBadAuthenticationIsRefused has the manifests of TestAuthenticationIsRefused in api/manifest.
func TestBadAuthenticationIsRefused(t *testing.T) { testRefused(t, "authentication") }

// TestBadLimitsAreRefused has the manifests of TestLimitsAreRefused in api/manifest.
func TestBadLimitsAreRefused(t *testing.T) { testRefused(t, "limits") }

func TestBadUpdatePoliciesAreRefused(t *testing.T) { testRefused(t, "updates") }

// TestBadAddressesAreRefused has the manifests of TestAddressesAreRefused in api/manifest.
func TestBadAddressesAreRefused(t *testing.T) { testRefused(t, "addresses") }

// TestBadExposureIsRefused has the manifests of TestExposureIsRefused in api/manifest.
func TestBadExposureIsRefused(t *testing.T) { testRefused(t, "exposure") }

// TestBadRoomsAreRefused has the manifests of TestRoomsAreRefused in api/manifest.
func TestBadRoomsAreRefused(t *testing.T) { testRefused(t, "rooms") }

// TestBadPodsAreRefused has the manifests of TestPodsAreRefused in api/manifest.
func TestBadPodsAreRefused(t *testing.T) { testRefused(t, "pods") }

// TestBadAutoscalingIsRefused has the manifests of TestAutoscalingIsRefused in api/manifest.
func TestBadAutoscalingIsRefused(t *testing.T) { testRefused(t, "autoscaling") }

// TestBadUsersAreRefused has the manifests of TestUsersAreRefused in api/manifest.
func TestBadUsersAreRefused(t *testing.T) { testRefused(t, "users") }

func testRefused(t *testing.T, what string) {
	data, err := os.ReadFile("../api/manifest/testdata/" + what + "-refused.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests []struct {
		Name string          `json:"name"`
		Spec json.RawMessage `json:"spec"`
		Want []string        `json:"want"`
	}
	if err := yaml.UnmarshalStrict(data, &tests); err != nil {
		t.Fatal(err)
	}
	c, namespace := useCluster(t)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			svc := parse(t, namespace, "spec: "+string(test.Spec))
			err := c.Create(t.Context(), svc, client.FieldValidation(metav1.FieldValidationStrict))
			if err == nil {
				t.Fatal("it is let in")
			}
			if err := contains(err.Error(), test.Want...); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChangesAreJudgedToo(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	svc := s.live()
	before := svc.DeepCopy()
	svc.Spec.Namespaces[0].Handlers = []v1alpha1.Handler{{Event: "e", When: "args[0", Do: []v1alpha1.Action{{Ack: "[]"}}}}
	err := c.Patch(t.Context(), svc, client.MergeFrom(before))
	if err == nil {
		t.Fatal("it is let in")
	}
	if err := contains(err.Error(), "spec.namespaces[0].handlers[0].when"); err != nil {
		t.Error(err)
	}
}

// TestWhatWasLetInCanBeLabelledAndDeleted is for services that an older operator let in.
func TestWhatWasLetInCanBeLabelledAndDeleted(t *testing.T) {
	c, namespace := useCluster(t, unjudged)
	s := create(t, c, namespace, "spec: {namespaces: [{name: /, handlers: [{event: e, when: 'args[0', do: [{disconnect: {}}]}]}]}")
	live := &corev1.Namespace{}
	if err := c.Get(t.Context(), client.ObjectKey{Name: namespace}, live); err != nil {
		t.Fatal(err)
	}
	delete(live.Labels, unjudged)
	if err := c.Update(t.Context(), live); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the webhook sees the namespace", func() error {
		bad := parse(t, namespace, "metadata: {name: other}\nspec: {namespaces: [{name: /, handlers: [{event: e, when: 'args[0', do: [{disconnect: {}}]}]}]}")
		return want("whether it refuses", c.Create(t.Context(), bad, client.DryRunAll) != nil, true)
	})

	svc := s.live()
	before := svc.DeepCopy()
	svc.Labels = map[string]string{"a": "b"}
	if err := c.Patch(t.Context(), svc, client.MergeFrom(before)); err != nil {
		t.Errorf("labelling: %v", err)
	}
	if err := c.Delete(t.Context(), svc); err != nil {
		t.Errorf("deleting: %v", err)
	}
}

func TestSamplesAreLetIn(t *testing.T) {
	c, namespace := useCluster(t)
	files, err := filepath.Glob("../config/samples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.yaml") {
			continue // the tests of a sample
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		object := parse(t, namespace, string(source))
		if err := c.Create(t.Context(), object, client.FieldValidation(metav1.FieldValidationStrict), client.DryRunAll); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

const webhookSecret = "realtime-operator-webhook-certificates"

func TestWebhooksSecretGoesWithTheInstallationWhateverBecomesOfItsOwners(t *testing.T) {
	c, _ := useCluster(t)
	c.loseWebhookOwner(t)
}

// loseWebhookOwner leaves the webhook's Secret without an owner, as a backup of another
// installation does, and waits until it has one.
func (c *cluster) loseWebhookOwner(t *testing.T) {
	t.Helper()
	s := &service{t, c, system, "chat"}
	secret := &corev1.Secret{}
	change(s, webhookSecret, secret, func(secret *corev1.Secret) { secret.OwnerReferences = nil })
	await(s, webhookSecret, secret, func(secret *corev1.Secret) error {
		return want("the number of owners", len(secret.OwnerReferences), 1)
	})
}
