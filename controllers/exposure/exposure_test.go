// SPDX-License-Identifier: Apache-2.0

package exposure

import (
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func service(tls bool) *v1alpha1.RealtimeService {
	svc := &v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "team"}}
	svc.Spec.Exposure = &v1alpha1.ExposureSpec{Host: "chat.example.com"}
	if tls {
		svc.Spec.Exposure.TLS = &v1alpha1.ExposureTLS{SecretName: "chat-tls"}
	}
	return svc
}

func check(t *testing.T, got Verdict, status metav1.ConditionStatus, reason, message, url string) {
	t.Helper()
	if got.Status != status || got.Reason != reason || !strings.Contains(got.Message, message) || got.URL != url {
		t.Errorf("got %s, want %s %s with %q and the URL %q", got, status, reason, message, url)
	}
	if c := got.Condition(); c.Type != "Exposed" || c.Status != got.Status || c.Reason != got.Reason || c.Message != got.Message {
		t.Errorf("the condition is %+v for %s", c, got)
	}
}

func TestIngress(t *testing.T) {
	t.Parallel()
	bare := &networkingv1.Ingress{}
	served := &networkingv1.Ingress{}
	served.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "192.0.2.1"}, {Hostname: "lb.example.net"}, {}}
	nginx := Class{Name: "nginx", Controller: "k8s.io/ingress-nginx"}

	check(t, OfIngress(service(false), bare, Class{}), "False", "IngressClassMissing", "spec.exposure.ingress.className", "")
	check(t, OfIngress(service(false), bare, Class{Name: "edge", Missing: true}), "False", "IngressClassMissing", "there is no IngressClass edge", "")
	check(t, OfIngress(service(false), bare, nginx), "False", "Pending", "does k8s.io/ingress-nginx run?", "")
	check(t, OfIngress(service(false), bare, Class{Name: "nginx"}), "False", "Pending", "an address yet", "")
	check(t, OfIngress(service(false), served, nginx), "True", "Exposed", "at 192.0.2.1, lb.example.net", "http://chat.example.com")
	check(t, OfIngress(service(true), served, nginx), "True", "Exposed", "", "https://chat.example.com")
}

func route(kind string, conditions ...metav1.Condition) Route {
	parent := gatewayv1.ParentReference{Name: "edge", Namespace: ptr.To[gatewayv1.Namespace]("infra"), SectionName: ptr.To[gatewayv1.SectionName]("web")}
	r := Route{Kind: kind, Meta: metav1.ObjectMeta{Namespace: "team", Generation: 3}, Parents: []gatewayv1.ParentReference{parent}}
	if conditions != nil {
		r.Status = []gatewayv1.RouteParentStatus{{ParentRef: parent, Conditions: conditions}}
	}
	return r
}

func condition(kind string, status metav1.ConditionStatus, reason string, generation int64) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "it says so", ObservedGeneration: generation}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	edge := &gatewayv1.Gateway{Spec: gatewayv1.GatewaySpec{Listeners: []gatewayv1.Listener{
		{Name: "plain", Protocol: gatewayv1.HTTPProtocolType}, {Name: "web", Protocol: gatewayv1.HTTPSProtocolType},
	}}}
	known := Gateways{"infra/edge": edge}
	accepted, resolved := condition("Accepted", "True", "Accepted", 3), condition("ResolvedRefs", "True", "ResolvedRefs", 3)
	good := route("HTTPRoute", accepted, resolved)
	svc := service(false)

	check(t, OfRoutes(svc, Gateways{"infra/edge": nil}, good), "False", "GatewayMissing", "no Gateway infra/edge", "")
	check(t, OfRoutes(svc, known, route("HTTPRoute")), "False", "Pending", "no controller has taken the HTTPRoute for Gateway infra/edge", "")
	check(t, OfRoutes(svc, known, good), "True", "Exposed", "Gateway infra/edge serves", "https://chat.example.com")
	check(t, OfRoutes(svc, known, route("HTTPRoute", accepted)), "True", "Exposed", "", "https://chat.example.com")
	check(t, OfRoutes(svc, Gateways{}, good), "True", "Exposed", "", "https://chat.example.com")
	check(t, OfRoutes(svc, known, route("HTTPRoute", condition("Accepted", "False", "NotAllowedByListeners", 3))),
		"False", "NotAllowedByListeners", "Accepted of the HTTPRoute is False: it says so", "")
	check(t, OfRoutes(svc, known, route("HTTPRoute", accepted, condition("ResolvedRefs", "False", "BackendNotFound", 3))),
		"False", "BackendNotFound", "", "")
	check(t, OfRoutes(svc, known, route("HTTPRoute", condition("Accepted", "False", "NotAllowedByListeners", 2))),
		"False", "Pending", "has not seen the newest HTTPRoute yet", "")
	check(t, OfRoutes(svc, known, good, route("UDPRoute", condition("Accepted", "False", "NoMatchingParent", 3))),
		"False", "NoMatchingParent", "UDPRoute", "")

	plain := route("HTTPRoute", accepted)
	plain.Parents[0].SectionName = ptr.To[gatewayv1.SectionName]("plain")
	check(t, OfRoutes(svc, known, plain), "False", "Pending", "", "") // what was said is about another listener
	plain.Status[0].ParentRef.SectionName = plain.Parents[0].SectionName
	check(t, OfRoutes(svc, known, plain), "True", "Exposed", "", "http://chat.example.com")

	any := route("HTTPRoute", accepted)
	any.Parents[0].SectionName, any.Status[0].ParentRef.SectionName = nil, nil
	check(t, OfRoutes(svc, known, any), "True", "Exposed", "", "https://chat.example.com")

	own := route("HTTPRoute", accepted) // a Gateway of the service's namespace need not be named with it
	own.Parents[0].Namespace = nil
	own.Status[0].ParentRef.Namespace = ptr.To[gatewayv1.Namespace]("team")
	check(t, OfRoutes(svc, Gateways{"team/edge": edge}, own), "True", "Exposed", "Gateway team/edge", "https://chat.example.com")
}

func TestKindMissing(t *testing.T) {
	t.Parallel()
	check(t, KindMissing("HTTPRoute"), "False", "KindMissing", "no HTTPRoute: install the resources of Gateway API (gateway-api.sigs.k8s.io)", "")
	check(t, KindMissing("UDPRoute"), "False", "KindMissing", "experimental channel", "")
}
