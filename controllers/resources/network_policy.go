// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// componentOperator is the component label of the operator's own pods, as in the chart and in
// config/manager.
const componentOperator = "operator"

// GatewayNetworkPolicy determines who may reach which port of a service's gateways; nil without
// spec.networkPolicy. The operator is admitted from its namespace; if that is empty, the operator
// runs outside the cluster, and no rule can select it.
func GatewayNetworkPolicy(svc *v1alpha1.RealtimeService, operatorNamespace string) *networkingv1.NetworkPolicy {
	wanted := svc.Spec.NetworkPolicy
	if wanted == nil {
		return nil
	}
	operator := operatorPeers(operatorNamespace)
	rules := []networkingv1.NetworkPolicyIngressRule{
		from(wanted.Clients, clientPorts(svc)...),
		from(slices.Concat(podsOf(GatewaySelector(svc.Name)), operator), tcp(PeerPort)),
	}
	if ops := slices.Concat(operator, wanted.Monitoring); len(ops) > 0 { // a rule without peers would admit everybody
		rules = append(rules, from(ops, tcp(OpsPort)))
	}
	if svc.Spec.API != nil {
		rules = append(rules, from(wanted.Publishers, tcp(APIPort)))
	}
	return networkPolicy(svc, GatewayName(svc.Name), componentGateway, rules)
}

// NATSNetworkPolicy determines who may reach the operator's own NATS; nil without
// spec.networkPolicy, or if spec.nats names another. The servers of a cluster reach each other. The
// monitor, which has no authentication, is for kubelets only.
func NATSNetworkPolicy(svc *v1alpha1.RealtimeService) *networkingv1.NetworkPolicy {
	if svc.Spec.NetworkPolicy == nil || !OwnNATS(svc) {
		return nil
	}
	clients := slices.Concat(podsOf(GatewaySelector(svc.Name)), svc.Spec.NetworkPolicy.NATS)
	rules := []networkingv1.NetworkPolicyIngressRule{from(clients, tcp(natsPort))}
	if clustered(svc) {
		rules = append(rules, from(podsOf(NATSSelector(svc.Name)), tcp(natsRoutePort)))
	}
	return networkPolicy(svc, NATSName(svc.Name), componentNATS, rules)
}

func networkPolicy(svc *v1alpha1.RealtimeService, name, component string, rules []networkingv1.NetworkPolicyIngressRule) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: owned(svc, name, component),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: selector(svc.Name, component)},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     rules,
		},
	}
}

// from lets peers, or everybody if there are none, reach ports.
func from(peers []networkingv1.NetworkPolicyPeer, ports ...networkingv1.NetworkPolicyPort) networkingv1.NetworkPolicyIngressRule {
	return networkingv1.NetworkPolicyIngressRule{From: peers, Ports: ports}
}

// clientPorts returns the ports for clients.
func clientPorts(svc *v1alpha1.RealtimeService) []networkingv1.NetworkPolicyPort {
	ports := []networkingv1.NetworkPolicyPort{tcp(GatewayPort)}
	if WebTransportSecret(svc) != "" {
		ports = append(ports, port(corev1.ProtocolUDP, WebTransportPort))
	}
	return ports
}

func tcp(number int32) networkingv1.NetworkPolicyPort { return port(corev1.ProtocolTCP, number) }

// port returns a port by its number: pods of an earlier release, which have the same labels, may
// not have its name.
func port(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: ptr.To(intstr.FromInt32(number))}
}

// podsOf selects pods of the service's namespace.
func podsOf(labels map[string]string) []networkingv1.NetworkPolicyPeer {
	return []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{MatchLabels: labels}}}
}

// operatorPeers selects the operator's pods. Their name depends on how the operator was installed,
// but these labels do not.
func operatorPeers(namespace string) []networkingv1.NetworkPolicyPeer {
	if namespace == "" {
		return nil
	}
	return []networkingv1.NetworkPolicyPeer{{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: namespace}},
		PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{LabelComponent: componentOperator, LabelPartOf: projectName}},
	}}
}
