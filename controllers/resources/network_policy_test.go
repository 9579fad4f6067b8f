// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func withNetworkPolicy(policy v1alpha1.NetworkPolicySpec) func(*v1alpha1.RealtimeServiceSpec) {
	return func(spec *v1alpha1.RealtimeServiceSpec) { spec.NetworkPolicy = &policy }
}

// inNamespace are all pods of a namespace.
func inNamespace(name string) []networkingv1.NetworkPolicyPeer {
	return []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}},
	}}
}

// golden compares objects with a file of testdata. With UPDATE_GOLDEN=1 it writes the file.
func golden(t *testing.T, name string, objects ...any) {
	t.Helper()
	var documents []string
	for _, object := range objects {
		text, err := yaml.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, string(text))
	}
	got, file := strings.Join(documents, "---\n"), filepath.Join("testdata", name+".yaml")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestNetworkPolicies(t *testing.T) {
	everything := service(t, withAPI, withWebTransport, withNetworkPolicy(v1alpha1.NetworkPolicySpec{
		Clients:    []networkingv1.NetworkPolicyPeer{{IPBlock: &networkingv1.IPBlock{CIDR: "192.0.2.0/24"}}},
		Publishers: inNamespace("billing"),
		Monitoring: inNamespace("monitoring"),
		NATS:       inNamespace("jobs"),
	}))
	for name, svc := range map[string]*v1alpha1.RealtimeService{
		"network-policies-least":      service(t, withNetworkPolicy(v1alpha1.NetworkPolicySpec{})),
		"network-policies-everything": everything,
	} {
		golden(t, name, GatewayNetworkPolicy(svc, "system"), NATSNetworkPolicy(svc))
	}

	if without := service(t); GatewayNetworkPolicy(without, "system") != nil || NATSNetworkPolicy(without) != nil {
		t.Error("there are policies that nobody has asked for")
	}
	if elsewhere := service(t, named(""), withNetworkPolicy(v1alpha1.NetworkPolicySpec{})); NATSNetworkPolicy(elsewhere) != nil {
		t.Error("there is a policy for a NATS that is not ours")
	}
}

// An operator that runs outside the cluster cannot be named. That must not let everybody in.
func TestNoRuleIsForEverybodyByMistake(t *testing.T) {
	svc := service(t, withNetworkPolicy(v1alpha1.NetworkPolicySpec{}))
	for _, policy := range []*networkingv1.NetworkPolicy{GatewayNetworkPolicy(svc, ""), NATSNetworkPolicy(svc)} {
		for _, rule := range policy.Spec.Ingress {
			if len(rule.Ports) == 0 {
				t.Errorf("%s: a rule is for all ports", policy.Name)
			}
			if port := rule.Ports[0].Port.IntValue(); len(rule.From) == 0 && port != GatewayPort {
				t.Errorf("%s: port %d is open to everybody", policy.Name, port)
			}
		}
	}
}

// TestEveryPortHasARule finds a port that is new and was forgotten.
func TestEveryPortHasARule(t *testing.T) {
	svc := service(t, withAPI, withWebTransport, withNetworkPolicy(v1alpha1.NetworkPolicySpec{}))
	gateways, nats := GatewayDeployment(svc, "image"), natsSet(svc)
	for name, test := range map[string]struct {
		pod    corev1.PodSpec
		policy *networkingv1.NetworkPolicy
		closed []string // to all but kubelets
	}{
		"gateway": {gateways.Spec.Template.Spec, GatewayNetworkPolicy(svc, "system"), nil},
		"NATS":    {nats.Spec.Template.Spec, NATSNetworkPolicy(svc), []string{natsMonitorPortName}},
	} {
		container := test.pod.Containers[0]
		for _, port := range container.Ports {
			covered := slices.ContainsFunc(test.policy.Spec.Ingress, func(rule networkingv1.NetworkPolicyIngressRule) bool {
				return slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool {
					return p.Port.IntValue() == int(port.ContainerPort) && *p.Protocol == port.Protocol
				})
			})
			if covered == slices.Contains(test.closed, port.Name) {
				t.Errorf("%s: whether port %s, %d/%s, has a rule: %v", name, port.Name, port.ContainerPort, port.Protocol, covered)
			}
		}
		for _, arg := range container.Args {
			flag, number, found := strings.Cut(arg, "-listen=:")
			if !found {
				continue
			}
			protocol := corev1.ProtocolTCP
			if flag == "--webtransport" {
				protocol = corev1.ProtocolUDP
			}
			if !slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool {
				return strconv.Itoa(int(p.ContainerPort)) == number && p.Protocol == protocol
			}) {
				t.Errorf("%s: %s is not among the ports of its container", name, arg)
			}
		}
	}
}

func TestPoliciesSelectTheirPods(t *testing.T) {
	svc := service(t, withNetworkPolicy(v1alpha1.NetworkPolicySpec{}))
	gateways := k8slabels.Set(GatewayDeployment(svc, "image").Spec.Template.Labels)
	nats := k8slabels.Set(natsSet(svc).Spec.Template.Labels)
	matches := func(selector metav1.LabelSelector, pod k8slabels.Set) bool {
		s, err := metav1.LabelSelectorAsSelector(&selector)
		if err != nil {
			t.Fatal(err)
		}
		return s.Matches(pod)
	}
	if policy := GatewayNetworkPolicy(svc, "system").Spec.PodSelector; !matches(policy, gateways) || matches(policy, nats) {
		t.Errorf("the gateways' policy selects %v", policy)
	}
	policy := NATSNetworkPolicy(svc).Spec
	if !matches(policy.PodSelector, nats) || matches(policy.PodSelector, gateways) {
		t.Errorf("the policy of NATS selects %v", policy.PodSelector)
	}
	if !matches(*policy.Ingress[0].From[0].PodSelector, gateways) {
		t.Errorf("NATS lets %v in, and gateways are %v", policy.Ingress[0].From[0].PodSelector, gateways)
	}

	// The chart's labels are those of config: a test of the chart compares them.
	source, err := os.ReadFile("../../config/manager/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var operator appsv1.Deployment
	if err := yaml.Unmarshal(source, &operator); err != nil {
		t.Fatal(err)
	}
	for _, rule := range GatewayNetworkPolicy(svc, "system").Spec.Ingress {
		port := rule.Ports[0].Port.IntValue()
		in := slices.ContainsFunc(rule.From, func(peer networkingv1.NetworkPolicyPeer) bool {
			return peer.NamespaceSelector != nil && matches(*peer.NamespaceSelector, k8slabels.Set{corev1.LabelMetadataName: "system"}) &&
				matches(*peer.PodSelector, operator.Spec.Template.Labels)
		})
		if want := port == OpsPort || port == PeerPort; in != want {
			t.Errorf("%s: whether the operator may reach port %d: %v", fmt.Sprint(rule.From), port, in)
		}
	}
}
