// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/exposure"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// Routes are read from the API server each time: a cache of a kind that the cluster may not have,
// or lose, fails or keeps what is gone.
//
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingressclasses,verbs=get
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=httproutes;udproutes,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=gateway.networking.k8s.io,resources=gateways,verbs=get

// expose applies the Ingress or the routes of the service, deletes those that it does not want, and
// judges how far its clients get. A service that is not exposed, and never was, costs nothing.
func (r *Reconciler) expose(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	wanted := svc.Spec.Exposure
	if wanted == nil && meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionExposed) == nil {
		return nil
	}
	var verdict *exposure.Verdict
	var errs []error
	if wanted != nil && wanted.Ingress != nil {
		v, err := r.applyIngress(ctx, svc)
		verdict, errs = &v, append(errs, err)
	} else {
		errs = append(errs, r.Objects.Remove(ctx, svc, r.Client, resources.UnwantedIngress(svc)))
	}
	if wanted != nil && wanted.GatewayAPI != nil {
		v, err := r.applyRoutes(ctx, svc)
		verdict, errs = &v, append(errs, err)
	} else {
		errs = append(errs, r.removeRoute(ctx, svc, kindHTTPRoute), r.removeRoute(ctx, svc, kindUDPRoute))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	seen.exposureKnown, seen.exposure = true, verdict
	return nil
}

// fillExposure writes what is known of the exposure into the status; what could not be learned this
// time stays as it was.
func fillExposure(svc *v1alpha1.RealtimeService, seen *observation) {
	switch {
	case !seen.exposureKnown:
	case seen.exposure == nil:
		meta.RemoveStatusCondition(&svc.Status.Conditions, v1alpha1.ConditionExposed)
		svc.Status.URL = ""
	default:
		condition := seen.exposure.Condition()
		condition.ObservedGeneration = svc.Generation
		meta.SetStatusCondition(&svc.Status.Conditions, condition)
		svc.Status.URL = seen.exposure.URL
	}
}

func (r *Reconciler) applyIngress(ctx context.Context, svc *v1alpha1.RealtimeService) (exposure.Verdict, error) {
	live := &networkingv1.Ingress{}
	key := client.ObjectKey{Namespace: svc.Namespace, Name: svc.Name}
	if err := r.Client.Get(ctx, key, live); client.IgnoreNotFound(err) != nil {
		return exposure.Verdict{}, fmt.Errorf("read Ingress %s: %w", key.Name, err)
	}
	class := exposure.Class{Name: svc.Spec.Exposure.Ingress.ClassName}
	if class.Name == "" && live.Spec.IngressClassName != nil {
		class.Name = *live.Spec.IngressClassName // the API server has filled in the default
	}
	if err := r.readClass(ctx, &class); err != nil {
		return exposure.Verdict{}, err
	}
	if err := r.Objects.Apply(ctx, svc, resources.GatewayIngress(svc, class.Controller)); err != nil {
		return exposure.Verdict{}, err
	}
	if class.Name == "" && live.UID == "" {
		return exposure.Verdict{Status: metav1.ConditionUnknown, Reason: exposure.ReasonPending, Message: "the Ingress has just been made"}, nil
	}
	return exposure.OfIngress(svc, live, class), nil
}

// readClass completes what is known of a class. The operator of some namespaces may not read it.
func (r *Reconciler) readClass(ctx context.Context, class *exposure.Class) error {
	if class.Name == "" {
		return nil
	}
	if known, ok := r.memory.class(class.Name, r.Now()); ok {
		*class = known
		return nil
	}
	found := &networkingv1.IngressClass{}
	err := r.Reader.Get(ctx, client.ObjectKey{Name: class.Name}, found)
	switch {
	case apierrors.IsNotFound(err):
		class.Missing = true
	case apierrors.IsForbidden(err):
	case err != nil:
		return fmt.Errorf("read IngressClass %s: %w", class.Name, err)
	}
	class.Controller = found.Spec.Controller
	r.memory.keepClass(*class, r.Now())
	return nil
}

// The kinds of routes, and in which versions they may be served, the preferred one first. UDPRoute
// is v1 since Gateway API 1.6, and was in the experimental channel before.
const (
	kindHTTPRoute = "HTTPRoute"
	kindUDPRoute  = "UDPRoute"
)

// wantedRoute is a route as it should be.
type wantedRoute struct {
	kind    string
	object  client.Object
	parents []gatewayv1.ParentReference
}

var routeVersions = map[string][]string{kindHTTPRoute: {"v1"}, kindUDPRoute: {"v1", "v1alpha2"}}

func (r *Reconciler) applyRoutes(ctx context.Context, svc *v1alpha1.RealtimeService) (exposure.Verdict, error) {
	web := resources.GatewayHTTPRoute(svc)
	wanted := []wantedRoute{{kindHTTPRoute, web, web.Spec.ParentRefs}}
	if udp := resources.GatewayUDPRoute(svc); udp != nil {
		wanted = append(wanted, wantedRoute{kindUDPRoute, udp, udp.Spec.ParentRefs})
	} else if err := r.removeRoute(ctx, svc, kindUDPRoute); err != nil {
		return exposure.Verdict{}, err
	}
	var routes []exposure.Route
	for _, w := range wanted {
		route, found, err := r.applyRoute(ctx, svc, w.kind, w.object)
		if err != nil || !found {
			return exposure.KindMissing(w.kind), err
		}
		route.Parents = w.parents
		routes = append(routes, route)
	}
	gateways, err := r.readGateways(ctx, svc, routes)
	if err != nil {
		return exposure.Verdict{}, err
	}
	return exposure.OfRoutes(svc, gateways, routes...), nil
}

// applyRoute applies a route and returns what is said of the one in the cluster. It returns false
// if the cluster does not have the kind.
func (r *Reconciler) applyRoute(ctx context.Context, svc *v1alpha1.RealtimeService, kind string, wanted client.Object) (exposure.Route, bool, error) {
	route := exposure.Route{Kind: kind}
	r.memory.of(keyOf(svc)).routesRemoved[kind] = false
	live, served, err := r.readRoute(ctx, svc, kind)
	if err != nil || !served {
		return route, false, err
	}
	wanted.GetObjectKind().SetGroupVersionKind(live.GroupVersionKind())
	var over client.Object
	if live.GetUID() != "" {
		if err := r.Objects.Check(kind+" "+svc.Name, live, svc); err != nil {
			return route, false, err
		}
		over = live
	}
	err = r.Objects.ApplyOver(ctx, svc, over, wanted)
	if over == nil && (apierrors.IsNotFound(err) || isLeaving(err)) {
		return route, false, nil // the kind has disappeared, which looks like a route that does not exist
	}
	if err != nil {
		return route, false, err
	}
	var said struct {
		Status gatewayv1.RouteStatus `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &said); err != nil {
		return route, false, fmt.Errorf("read the status of %s %s: %w", kind, svc.Name, err)
	}
	route.Meta = metav1.ObjectMeta{Namespace: svc.Namespace, Generation: live.GetGeneration()}
	route.Status = said.Status.Parents
	return route, true, nil
}

// isLeaving reports whether nothing can be created since the kind itself is being deleted.
func isLeaving(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "custom resource definition is terminating")
}

// readRoute reads the service's route of a kind, in a version that the cluster serves; one without
// a UID does not exist. It returns false if the cluster does not have the kind.
func (r *Reconciler) readRoute(ctx context.Context, svc *v1alpha1.RealtimeService, kind string) (*unstructured.Unstructured, bool, error) {
	mapping, err := r.Client.RESTMapper().RESTMapping(schema.GroupKind{Group: gatewayv1.GroupName, Kind: kind}, routeVersions[kind]...)
	if meta.IsNoMatchError(err) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("see whether the cluster has %s: %w", kind, err)
	}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(mapping.GroupVersionKind)
	if err := r.Reader.Get(ctx, keyOf(svc), live); client.IgnoreNotFound(err) != nil {
		return nil, false, fmt.Errorf("read %s %s: %w", kind, svc.Name, err)
	}
	return live, true, nil
}

// removeRoute deletes a route of the service, if there is one and the cluster has its kind.
func (r *Reconciler) removeRoute(ctx context.Context, svc *v1alpha1.RealtimeService, kind string) error {
	remembered := r.memory.of(keyOf(svc))
	if remembered.routesRemoved[kind] {
		return nil
	}
	live, served, err := r.readRoute(ctx, svc, kind)
	if err == nil && served && live.GetUID() != "" {
		err = r.Objects.Remove(ctx, svc, r.Reader, live)
	}
	if err == nil {
		remembered.routesRemoved[kind] = true
	}
	return err
}

// readGateways reads the Gateways that routes name, as far as the operator may.
func (r *Reconciler) readGateways(ctx context.Context, svc *v1alpha1.RealtimeService, routes []exposure.Route) (exposure.Gateways, error) {
	gateways := exposure.Gateways{}
	for _, route := range routes {
		for _, parent := range route.Parents {
			key := exposure.GatewayKey(svc.Namespace, parent)
			if _, known := gateways[key]; known {
				continue
			}
			gateway, err := r.readGateway(ctx, svc.Namespace, parent)
			switch {
			case err == nil:
				gateways[key] = gateway
			case apierrors.IsNotFound(err):
				gateways[key] = nil
			case !apierrors.IsForbidden(err):
				return nil, fmt.Errorf("read Gateway %s: %w", key, err)
			}
		}
	}
	return gateways, nil
}

func (r *Reconciler) readGateway(ctx context.Context, namespace string, parent gatewayv1.ParentReference) (*gatewayv1.Gateway, error) {
	if parent.Namespace != nil {
		namespace = string(*parent.Namespace)
	}
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: "Gateway"})
	if err := r.Reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: string(parent.Name)}, live); err != nil {
		return nil, err
	}
	gateway := &gatewayv1.Gateway{}
	return gateway, runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, gateway)
}
