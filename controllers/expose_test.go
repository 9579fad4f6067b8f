// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// awaitExposed waits until the service says how far clients get, and where.
func (s *service) awaitExposed(status metav1.ConditionStatus, reason, message, url string) {
	s.t.Helper()
	s.awaitMessage(v1alpha1.ConditionExposed, status, reason, message)
	if got := s.live().Status.URL; got != url {
		s.t.Errorf("the URL is %q, want %q", got, url)
	}
}

// awaitUnexposed waits until the service says nothing of it.
func (s *service) awaitUnexposed() {
	s.t.Helper()
	await(s, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) error {
		if meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionExposed) != nil || svc.Status.URL != "" {
			return fmt.Errorf("the status is %+v", svc.Status)
		}
		return nil
	})
}

func TestAServiceIsExposedByAnIngress(t *testing.T) {
	c, namespace := useCluster(t)
	className := "edge-" + namespace
	s := create(t, c, namespace, `spec:
  exposure:
    host: chat.example.com
    tls: {secretName: chat-tls}
    annotations: {cert-manager.io/cluster-issuer: letsencrypt, nginx.ingress.kubernetes.io/proxy-read-timeout: "300"}
    ingress: {className: `+className+`}
  protocol: {maxPayload: 4Mi, pingInterval: 40s, path: /rt/}
  namespaces: [{name: /}]`)
	s.awaitExposed(metav1.ConditionFalse, "IngressClassMissing", "there is no IngressClass "+className, "")

	class := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: className}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}}
	if err := c.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	ingress := &networkingv1.Ingress{}
	await(s, "chat", ingress, func(i *networkingv1.Ingress) error {
		for name, value := range map[string]string{
			"cert-manager.io/cluster-issuer":                  "letsencrypt",
			"nginx.ingress.kubernetes.io/proxy-read-timeout":  "300", // the manifest's come first
			"nginx.ingress.kubernetes.io/proxy-send-timeout":  "75",
			"nginx.ingress.kubernetes.io/proxy-body-size":     "4194304",
			"nginx.ingress.kubernetes.io/proxy-next-upstream": "off",
		} {
			if i.Annotations[name] != value {
				return fmt.Errorf("annotation %s is %q, want %q", name, i.Annotations[name], value)
			}
		}
		rule := i.Spec.Rules[0]
		return errors.Join(want("the host", rule.Host, "chat.example.com"), want("the path", rule.HTTP.Paths[0].Path, "/rt"),
			want("the certificate", i.Spec.TLS[0].SecretName, "chat-tls"))
	})
	s.awaitExposed(metav1.ConditionFalse, "Pending", "does k8s.io/ingress-nginx run?", "")

	ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}}
	if err := c.Status().Update(t.Context(), ingress); err != nil {
		t.Fatal(err)
	}
	s.awaitExposed(metav1.ConditionTrue, "Exposed", "at 192.0.2.1", "https://chat.example.com")

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Exposure = nil })
	s.awaitGone("chat", ingress)
	s.awaitUnexposed()
}

// installGatewayAPI installs the standard channel, as its module has it.
func (c *cluster) installGatewayAPI(t *testing.T) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatalf("find the module of Gateway API: %v", err)
	}
	paths := []string{}
	for _, kind := range []string{"httproutes", "udproutes", "gateways"} {
		paths = append(paths, filepath.Join(strings.TrimSpace(string(dir)), "config/crd/standard/gateway.networking.k8s.io_"+kind+".yaml"))
	}
	if _, err := envtest.InstallCRDs(c.admin, envtest.CRDInstallOptions{Paths: paths, ErrorIfPathMissing: true}); err != nil {
		t.Fatalf("install the resources of Gateway API: %v", err)
	}
}

func ofGatewayAPI(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: kind}
}

// say writes what a Gateway's controller says about a route.
func (s *service) say(kind string, status metav1.ConditionStatus, reason string) {
	s.t.Helper()
	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(ofGatewayAPI(kind))
	if err := s.cluster.Get(s.t.Context(), s.key("chat"), route); err != nil {
		s.t.Fatal(err)
	}
	parents, _, err := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	if err != nil {
		s.t.Fatal(err)
	}
	route.Object["status"] = map[string]any{"parents": []any{map[string]any{
		"parentRef": parents[0], "controllerName": "example.com/gateway",
		"conditions": []any{map[string]any{
			"type": "Accepted", "status": string(status), "reason": reason, "message": "it says so",
			"observedGeneration": route.GetGeneration(), "lastTransitionTime": "2026-11-30T20:00:00Z",
		}},
	}}}
	if err := s.cluster.Status().Update(s.t.Context(), route); err != nil {
		s.t.Fatal(err)
	}
}

// The resources of Gateway API come when services already wait for them, and disappear while they
// are in use.
func TestAServiceIsExposedByGatewayAPI(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, `spec:
  exposure:
    host: chat.example.com
    gatewayAPI:
      parentRefs: [{name: edge, sectionName: web}]
      webTransportParentRefs: [{name: edge, sectionName: quic}]
  protocol: {webTransport: {tlsSecretRef: {name: chat-tls}}}
  namespaces: [{name: /}]`)
	s.awaitExposed(metav1.ConditionFalse, "KindMissing", "this cluster has no HTTPRoute", "")

	c.installGatewayAPI(t)
	s.awaitExposed(metav1.ConditionFalse, "GatewayMissing", "there is no Gateway "+namespace+"/edge", "")
	gateway := &unstructured.Unstructured{}
	gateway.SetGroupVersionKind(ofGatewayAPI("Gateway"))
	gateway.SetName("edge")
	gateway.SetNamespace(namespace)
	gateway.Object["spec"] = map[string]any{"gatewayClassName": "example", "listeners": []any{
		map[string]any{"name": "web", "port": int64(443), "protocol": "HTTPS", "tls": map[string]any{"certificateRefs": []any{map[string]any{"name": "chat-tls"}}}},
		map[string]any{"name": "quic", "port": int64(443), "protocol": "UDP"},
	}}
	if err := c.Create(t.Context(), gateway); err != nil {
		t.Fatal(err)
	}
	s.awaitExposed(metav1.ConditionFalse, "Pending", "no controller has taken the HTTPRoute", "")
	s.say("HTTPRoute", metav1.ConditionFalse, "NotAllowedByListeners")
	s.awaitExposed(metav1.ConditionFalse, "NotAllowedByListeners", "it says so", "")
	s.say("HTTPRoute", metav1.ConditionTrue, "Accepted")
	s.awaitExposed(metav1.ConditionFalse, "Pending", "no controller has taken the UDPRoute", "")
	s.say("UDPRoute", metav1.ConditionTrue, "Accepted")
	s.awaitExposed(metav1.ConditionTrue, "Exposed", "Gateway "+namespace+"/edge serves", "https://chat.example.com")

	route := &unstructured.Unstructured{}
	route.SetGroupVersionKind(ofGatewayAPI("HTTPRoute"))
	s.get("chat", route)
	rules, _, err := unstructured.NestedSlice(route.Object, "spec", "rules")
	if err != nil || len(rules) != 1 {
		t.Fatalf("the rules are %v: %v", rules, err)
	}
	if timeouts := fmt.Sprint(rules[0].(map[string]any)["timeouts"]); timeouts != "map[backendRequest:0s request:0s]" {
		t.Errorf("the timeouts are %s, want none", timeouts)
	}

	// What others change is set back, and what is no longer wanted goes.
	rules[0].(map[string]any)["timeouts"] = map[string]any{"request": "15s"}
	if err := unstructured.SetNestedSlice(route.Object, rules, "spec", "rules"); err != nil {
		t.Fatal(err)
	}
	if err := c.Update(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	await(s, "chat", route, func(r *unstructured.Unstructured) error { return contains(fmt.Sprint(r.Object["spec"]), "request:0s") })
	udp := &unstructured.Unstructured{}
	udp.SetGroupVersionKind(ofGatewayAPI("UDPRoute"))
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Exposure.GatewayAPI.WebTransportParentRefs = nil })
	s.awaitGone("chat", udp)

	crd := &unstructured.Unstructured{}
	crd.SetAPIVersion("apiextensions.k8s.io/v1")
	crd.SetKind("CustomResourceDefinition")
	crd.SetName("httproutes.gateway.networking.k8s.io")
	if err := c.Delete(t.Context(), crd); err != nil {
		t.Fatal(err)
	}
	s.awaitExposed(metav1.ConditionFalse, "KindMissing", "this cluster has no HTTPRoute", "")
	c.installGatewayAPI(t)
	await(s, "chat", route, there)

	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) { spec.Exposure = nil })
	s.awaitGone("chat", route)
	s.awaitUnexposed()
}
