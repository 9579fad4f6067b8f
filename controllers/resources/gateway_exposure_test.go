// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func exposedService(exposure v1alpha1.ExposureSpec) *v1alpha1.RealtimeService {
	svc := &v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Name: "chat", Namespace: "team"}}
	svc.Spec.Protocol.Path = "/socket.io/"
	svc.Spec.Protocol.PingInterval.Duration = 25 * time.Second
	svc.Spec.Protocol.MaxPayload = resource.MustParse("2Mi")
	svc.Spec.Gateway.Service.Port, svc.Spec.Gateway.Service.WebTransportPort = 80, 443
	exposure.Host = "chat.example.com"
	svc.Spec.Exposure = &exposure
	return svc
}

// Each controller that is known gets what its proxy needs to keep silent connections, and to take
// the largest payload; the manifest's annotations come first.
func TestIngressAnnotations(t *testing.T) {
	t.Parallel()
	for controller, want := range map[string]map[string]string{
		"": {}, "traefik.io/ingress-controller": {},
		"k8s.io/ingress-nginx": {
			"nginx.ingress.kubernetes.io/proxy-read-timeout": "60", "nginx.ingress.kubernetes.io/proxy-send-timeout": "60",
			"nginx.ingress.kubernetes.io/proxy-body-size": "2097152", "nginx.ingress.kubernetes.io/proxy-next-upstream": "off",
		},
		"nginx.org/ingress-controller": {
			"nginx.org/proxy-read-timeout": "60s", "nginx.org/proxy-send-timeout": "60s", "nginx.org/client-max-body-size": "2097152",
			"nginx.org/proxy-next-upstream": "off", "nginx.org/websocket-services": "chat",
		},
		"haproxy.org/ingress-controller/haproxy": {"haproxy.org/timeout-server": "60s", "haproxy.org/timeout-tunnel": "1h"},
		"haproxy-ingress.github.io/controller": {
			"haproxy-ingress.github.io/timeout-server": "60s", "haproxy-ingress.github.io/timeout-tunnel": "1h",
		},
		"ingress.k8s.aws/alb": {
			"alb.ingress.kubernetes.io/load-balancer-attributes": "idle_timeout.timeout_seconds=60", "alb.ingress.kubernetes.io/target-type": "ip",
		},
	} {
		svc := exposedService(v1alpha1.ExposureSpec{Ingress: &v1alpha1.IngressSpec{}})
		if diff := cmp.Diff(want, GatewayIngress(svc, controller).Annotations); diff != "" {
			t.Errorf("%s: %s", controller, diff)
		}
	}
	encrypted := exposedService(v1alpha1.ExposureSpec{TLS: &v1alpha1.ExposureTLS{SecretName: "chat-tls"}, Ingress: &v1alpha1.IngressSpec{}})
	want := map[string]string{"traefik.ingress.kubernetes.io/router.tls": "true"}
	if diff := cmp.Diff(want, GatewayIngress(encrypted, "traefik.io/ingress-controller").Annotations); diff != "" {
		t.Errorf("Traefik with TLS: %s", diff)
	}
	svc := exposedService(v1alpha1.ExposureSpec{
		Annotations: map[string]string{"nginx.ingress.kubernetes.io/proxy-body-size": "8m", "team": "chat"}, Ingress: &v1alpha1.IngressSpec{},
	})
	got := GatewayIngress(svc, "k8s.io/ingress-nginx").Annotations
	if got["nginx.ingress.kubernetes.io/proxy-body-size"] != "8m" || got["team"] != "chat" || got["nginx.ingress.kubernetes.io/proxy-read-timeout"] != "60" {
		t.Errorf("the annotations are %v", got)
	}
}

// A prefix matches whole elements of a path, so that it has no slash at its end; one of an Ingress
// with a slash would match nothing in some controllers.
func TestPathOfClients(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/socket.io/": "/socket.io", "/": "/", "/a/b/": "/a/b"} {
		svc := exposedService(v1alpha1.ExposureSpec{Ingress: &v1alpha1.IngressSpec{}, GatewayAPI: &v1alpha1.GatewayAPISpec{}})
		svc.Spec.Protocol.Path = path
		ingress := GatewayIngress(svc, "").Spec.Rules[0].HTTP.Paths[0].Path
		route := *GatewayHTTPRoute(svc).Spec.Rules[0].Matches[0].Path.Value
		if ingress != want || route != want {
			t.Errorf("%s: the Ingress has %s and the route %s, want %s", path, ingress, route, want)
		}
	}
}

func TestWhatIsNotExposedHasNoRoutes(t *testing.T) {
	t.Parallel()
	svc := exposedService(v1alpha1.ExposureSpec{GatewayAPI: &v1alpha1.GatewayAPISpec{}})
	if GatewayIngress(svc, "") != nil || GatewayUDPRoute(svc) != nil || GatewayHTTPRoute(svc) == nil {
		t.Error("with Gateway API alone there is one HTTPRoute")
	}
	svc = exposedService(v1alpha1.ExposureSpec{Ingress: &v1alpha1.IngressSpec{}})
	if GatewayIngress(svc, "") == nil || GatewayUDPRoute(svc) != nil || GatewayHTTPRoute(svc) != nil {
		t.Error("with an ingress alone there is one Ingress")
	}
	svc.Spec.Exposure = nil
	if GatewayIngress(svc, "") != nil || GatewayUDPRoute(svc) != nil || GatewayHTTPRoute(svc) != nil {
		t.Error("without exposure there is none of them")
	}
}
