// SPDX-License-Identifier: Apache-2.0

package exposure

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Route is what a route asks for, and what controllers say of it.
type Route struct {
	// Kind is HTTPRoute or UDPRoute.
	Kind string
	// Meta is that of the route in the cluster.
	Meta metav1.ObjectMeta
	// Parents are the Gateways that it names, and Status what their controllers have said.
	Parents []gatewayv1.ParentReference
	Status  []gatewayv1.RouteParentStatus
}

// Gateways are the Gateways that routes name, by namespace and name. One that does not exist is
// nil; one that may not be read is not there.
type Gateways map[string]*gatewayv1.Gateway

// GatewayKey is the key of the Gateway that a route in a namespace names.
func GatewayKey(namespace string, parent gatewayv1.ParentReference) string {
	return string(ptr.Deref(parent.Namespace, gatewayv1.Namespace(namespace))) + "/" + string(parent.Name)
}

// OfRoutes judges the routes of a service. All Gateways must have accepted them.
func OfRoutes(svc *v1alpha1.RealtimeService, gateways Gateways, routes ...Route) Verdict {
	for _, route := range routes {
		for _, parent := range route.Parents {
			if verdict, bad := ofParent(route, parent, gateways); bad {
				return verdict
			}
		}
	}
	scheme := "http"
	var named []string
	for _, parent := range routes[0].Parents {
		key := GatewayKey(svc.Namespace, parent)
		gateway, known := gateways[key]
		if !known || servesTLS(gateway, parent.SectionName) {
			scheme = "https"
		}
		named = append(named, key)
	}
	return exposed(scheme+"://"+svc.Spec.Exposure.Host, "Gateway %s serves %s", strings.Join(named, ", "), svc.Spec.Exposure.Host)
}

// ofParent judges a route for one Gateway; bad reports whether there is something to say.
func ofParent(route Route, parent gatewayv1.ParentReference, gateways Gateways) (verdict Verdict, bad bool) {
	key := GatewayKey(route.Meta.Namespace, parent)
	if gateway, known := gateways[key]; known && gateway == nil {
		return not(ReasonGatewayMissing, "there is no Gateway %s", key), true
	}
	said := statusFor(route, parent)
	if said == nil {
		return pending("no controller has taken the %s for Gateway %s: does its controller run, and know this kind?", route.Kind, key), true
	}
	for _, wanted := range []gatewayv1.RouteConditionType{gatewayv1.RouteConditionAccepted, gatewayv1.RouteConditionResolvedRefs} {
		i := slices.IndexFunc(said.Conditions, func(c metav1.Condition) bool { return c.Type == string(wanted) })
		if i < 0 {
			continue // a controller need not write ResolvedRefs if there is nothing to say
		}
		c := said.Conditions[i]
		switch {
		case c.Status == metav1.ConditionTrue:
		case c.ObservedGeneration < route.Meta.Generation:
			return pending("the controller of Gateway %s has not seen the newest %s yet", key, route.Kind), true
		default:
			return not(c.Reason, "Gateway %s: %s of the %s is %s: %s", key, c.Type, route.Kind, c.Status, c.Message), true
		}
	}
	return Verdict{}, false
}

// statusFor returns what was said about the route for a Gateway; nil if nothing was.
func statusFor(route Route, parent gatewayv1.ParentReference) *gatewayv1.RouteParentStatus {
	for i := range route.Status {
		of := route.Status[i].ParentRef
		if GatewayKey(route.Meta.Namespace, of) == GatewayKey(route.Meta.Namespace, parent) &&
			ptr.Equal(of.SectionName, parent.SectionName) && len(route.Status[i].Conditions) > 0 {
			return &route.Status[i]
		}
	}
	return nil
}

// servesTLS reports whether one of the listeners that a route may use has a certificate.
func servesTLS(gateway *gatewayv1.Gateway, section *gatewayv1.SectionName) bool {
	if gateway == nil {
		return false
	}
	return slices.ContainsFunc(gateway.Spec.Listeners, func(l gatewayv1.Listener) bool {
		return (section == nil || l.Name == *section) && l.Protocol == gatewayv1.HTTPSProtocolType
	})
}

// String is for messages of tests.
func (v Verdict) String() string {
	return fmt.Sprintf("%s %s: %s %s", v.Status, v.Reason, v.Message, v.URL)
}
