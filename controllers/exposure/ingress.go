// SPDX-License-Identifier: Apache-2.0

package exposure

import (
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Class is what is known of the IngressClass of an Ingress.
type Class struct {
	// Name of the class; empty if the Ingress has none, since the cluster has no default.
	Name string
	// Controller is its spec.controller; empty if it may not be read, or does not exist.
	Controller string
	// Missing says that there is no such class.
	Missing bool
}

// OfIngress judges an Ingress.
func OfIngress(svc *v1alpha1.RealtimeService, ingress *networkingv1.Ingress, class Class) Verdict {
	switch {
	case class.Name == "":
		return not(ReasonClassMissing, "the Ingress has no class, and no IngressClass is the default: set spec.exposure.ingress.className")
	case class.Missing:
		return not(ReasonClassMissing, "there is no IngressClass %s: is the ingress controller installed?", class.Name)
	}
	addresses := ingressAddresses(ingress)
	if len(addresses) == 0 {
		return pending("the controller of IngressClass %s has not given the Ingress an address yet%s", class.Name, ofController(class))
	}
	scheme := "http"
	if svc.Spec.Exposure.TLS != nil {
		scheme = "https"
	}
	return exposed(scheme+"://"+svc.Spec.Exposure.Host, "IngressClass %s serves %s at %s", class.Name, svc.Spec.Exposure.Host, strings.Join(addresses, ", "))
}

func ofController(class Class) string {
	if class.Controller == "" {
		return ""
	}
	return ": does " + class.Controller + " run?"
}

func ingressAddresses(ingress *networkingv1.Ingress) []string {
	var addresses []string
	for _, at := range ingress.Status.LoadBalancer.Ingress {
		if at.Hostname != "" {
			addresses = append(addresses, at.Hostname)
		} else if at.IP != "" {
			addresses = append(addresses, at.IP)
		}
	}
	return addresses
}
