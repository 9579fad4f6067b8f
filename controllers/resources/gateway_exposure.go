// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"maps"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// GatewayIngress returns the Ingress of the service, nil if it has none. The controller is that of
// the IngressClass (its spec.controller), empty if it is not known: it determines by which
// annotations connections are allowed to live.
func GatewayIngress(svc *v1alpha1.RealtimeService, controller string) *networkingv1.Ingress {
	exposure := svc.Spec.Exposure
	if exposure == nil || exposure.Ingress == nil {
		return nil
	}
	meta := owned(svc, svc.Name, componentGateway)
	meta.Annotations = ingressAnnotations(svc, controller)
	maps.Copy(meta.Annotations, exposure.Annotations)
	ingress := &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: meta,
		Spec: networkingv1.IngressSpec{
			Rules: []networkingv1.IngressRule{{
				Host: exposure.Host,
				IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
					Paths: []networkingv1.HTTPIngressPath{{
						Path:     clientPath(svc),
						PathType: ptr.To(networkingv1.PathTypePrefix),
						Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
							Name: svc.Name,
							Port: networkingv1.ServiceBackendPort{Name: gatewayPortName},
						}},
					}},
				}},
			}},
		},
	}
	if class := exposure.Ingress.ClassName; class != "" {
		ingress.Spec.IngressClassName = &class
	}
	if exposure.TLS != nil {
		ingress.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{exposure.Host}, SecretName: exposure.TLS.SecretName}}
	}
	return ingress
}

// clientPath is the path below which clients make their requests, without the slash at its end: a
// prefix matches whole elements.
func clientPath(svc *v1alpha1.RealtimeService) string {
	path := strings.TrimRight(svc.Spec.Protocol.Path, "/")
	if path == "" {
		return "/"
	}
	return path
}

// The controllers of ingress classes that need settings, by IngressClass.spec.controller.
const (
	ingressNGINX = "k8s.io/ingress-nginx"
	nginxIngress = "nginx.org/ingress-controller"
	haproxyTech  = "haproxy.org/ingress-controller"
	haproxyOwn   = "haproxy-ingress.github.io/controller"
	awsALB       = "ingress.k8s.aws/alb"
	traefik      = "traefik.io/ingress-controller"
)

// ingressAnnotations returns the settings with which a controller keeps silent connections, takes
// the largest payload, and makes no request twice. docs/how-to/expose.md says why.
func ingressAnnotations(svc *v1alpha1.RealtimeService, controller string) map[string]string {
	silence := silenceSeconds(svc)
	payload := svc.Spec.Protocol.MaxPayload.Value()
	seconds, payloadText := fmt.Sprint(silence), fmt.Sprint(payload)
	switch {
	case controller == ingressNGINX:
		const prefix = "nginx.ingress.kubernetes.io/"
		return map[string]string{
			prefix + "proxy-read-timeout":  seconds,
			prefix + "proxy-send-timeout":  seconds,
			prefix + "proxy-body-size":     payloadText,
			prefix + "proxy-next-upstream": "off",
		}
	case strings.HasPrefix(controller, nginxIngress):
		const prefix = "nginx.org/"
		return map[string]string{
			prefix + "proxy-read-timeout":   seconds + "s",
			prefix + "proxy-send-timeout":   seconds + "s",
			prefix + "client-max-body-size": payloadText,
			prefix + "proxy-next-upstream":  "off",
			prefix + "websocket-services":   svc.Name,
		}
	case strings.HasPrefix(controller, haproxyTech):
		const prefix = "haproxy.org/"
		return map[string]string{prefix + "timeout-server": seconds + "s", prefix + "timeout-tunnel": "1h"}
	case controller == haproxyOwn:
		const prefix = "haproxy-ingress.github.io/"
		return map[string]string{prefix + "timeout-server": seconds + "s", prefix + "timeout-tunnel": "1h"}
	case controller == awsALB:
		return map[string]string{
			"alb.ingress.kubernetes.io/load-balancer-attributes": "idle_timeout.timeout_seconds=" + seconds,
			"alb.ingress.kubernetes.io/target-type":              "ip",
		}
	case controller == traefik && svc.Spec.Exposure.TLS != nil:
		// Otherwise it loads the certificate and answers 404 to HTTPS, unless its entry point says
		// the same.
		return map[string]string{"traefik.ingress.kubernetes.io/router.tls": "true"}
	}
	return map[string]string{}
}

// silenceMargin is how much longer than between two pings a proxy should wait, in seconds.
const silenceMargin = 35

// silenceSeconds is for how long a proxy must keep a connection on which nothing happens: 60 s with
// the default interval of pings.
func silenceSeconds(svc *v1alpha1.RealtimeService) int64 {
	return int64(svc.Spec.Protocol.PingInterval.Seconds()) + silenceMargin
}

// UnwantedIngress names the Ingress of a service, to delete it.
func UnwantedIngress(svc *v1alpha1.RealtimeService) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
		ObjectMeta: metav1.ObjectMeta{Name: svc.Name, Namespace: svc.Namespace},
	}
}

// GatewayHTTPRoute returns the route of Gateway API by which clients reach the service, nil if it
// has none. It has no timeouts: a poll is silent until the next ping, and a WebSocket is one
// request for as long as it lives (GEP-1742: "0s" disables a timeout).
func GatewayHTTPRoute(svc *v1alpha1.RealtimeService) *gatewayv1.HTTPRoute {
	exposure := svc.Spec.Exposure
	if exposure == nil || exposure.GatewayAPI == nil {
		return nil
	}
	meta := owned(svc, svc.Name, componentGateway)
	meta.Annotations = exposure.Annotations
	return &gatewayv1.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: meta,
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: parentRefs(exposure.GatewayAPI.ParentRefs)},
			Hostnames:       []gatewayv1.Hostname{gatewayv1.Hostname(exposure.Host)},
			Rules: []gatewayv1.HTTPRouteRule{{
				Matches: []gatewayv1.HTTPRouteMatch{{
					Path: &gatewayv1.HTTPPathMatch{Type: ptr.To(gatewayv1.PathMatchPathPrefix), Value: ptr.To(clientPath(svc))},
				}},
				Timeouts: &gatewayv1.HTTPRouteTimeouts{
					Request:        ptr.To(gatewayv1.Duration("0s")),
					BackendRequest: ptr.To(gatewayv1.Duration("0s")),
				},
				BackendRefs: []gatewayv1.HTTPBackendRef{{BackendRef: backendRef(svc.Name, svc.Spec.Gateway.Service.Port)}},
			}},
		},
	}
}

// GatewayUDPRoute returns the route of Gateway API by which WebTransport reaches the service, nil
// if it has none.
func GatewayUDPRoute(svc *v1alpha1.RealtimeService) *gatewayv1.UDPRoute {
	exposure := svc.Spec.Exposure
	if exposure == nil || exposure.GatewayAPI == nil || len(exposure.GatewayAPI.WebTransportParentRefs) == 0 {
		return nil
	}
	meta := owned(svc, svc.Name, componentGateway)
	meta.Annotations = exposure.Annotations
	return &gatewayv1.UDPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "UDPRoute"},
		ObjectMeta: meta,
		Spec: gatewayv1.UDPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: parentRefs(exposure.GatewayAPI.WebTransportParentRefs)},
			Rules: []gatewayv1.UDPRouteRule{{
				BackendRefs: []gatewayv1.BackendRef{backendRef(svc.Name, svc.Spec.Gateway.Service.WebTransportPort)},
			}},
		},
	}
}

func backendRef(service string, port int32) gatewayv1.BackendRef {
	return gatewayv1.BackendRef{BackendObjectReference: gatewayv1.BackendObjectReference{
		Name: gatewayv1.ObjectName(service),
		Port: ptr.To(port),
	}}
}

func parentRefs(gateways []v1alpha1.GatewayReference) []gatewayv1.ParentReference {
	refs := make([]gatewayv1.ParentReference, len(gateways))
	for i, g := range gateways {
		refs[i].Name = gatewayv1.ObjectName(g.Name)
		if g.Namespace != "" {
			refs[i].Namespace = ptr.To(gatewayv1.Namespace(g.Namespace))
		}
		if g.SectionName != "" {
			refs[i].SectionName = ptr.To(gatewayv1.SectionName(g.SectionName))
		}
	}
	return refs
}
