// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"net/netip"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// validateNetworkPolicy checks what the API server would refuse in a NetworkPolicy.
func validateNetworkPolicy(p *v1alpha1.NetworkPolicySpec, path *field.Path) field.ErrorList {
	if p == nil {
		return nil
	}
	var errs field.ErrorList
	for _, list := range []struct {
		name  string
		peers []networkingv1.NetworkPolicyPeer
	}{
		{"clients", p.Clients}, {"publishers", p.Publishers}, {"monitoring", p.Monitoring}, {"nats", p.NATS},
	} {
		for i := range list.peers {
			errs = append(errs, validatePeer(&list.peers[i], path.Child(list.name).Index(i))...)
		}
	}
	return errs
}

func validatePeer(peer *networkingv1.NetworkPolicyPeer, path *field.Path) field.ErrorList {
	if block := peer.IPBlock; block != nil {
		errs := validateBlock(block, path.Child("ipBlock"))
		if peer.PodSelector != nil || peer.NamespaceSelector != nil {
			errs = append(errs, field.Forbidden(path, "ipBlock stands alone, without podSelector and namespaceSelector"))
		}
		return errs
	}
	if peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return field.ErrorList{field.Required(path, "name podSelector, namespaceSelector, both, or ipBlock")}
	}
	errs := validateSelector(peer.PodSelector, path.Child("podSelector"))
	return append(errs, validateSelector(peer.NamespaceSelector, path.Child("namespaceSelector"))...)
}

func validateSelector(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	return metav1validation.ValidateLabelSelector(selector, metav1validation.LabelSelectorValidationOptions{}, path)
}

func validateBlock(block *networkingv1.IPBlock, path *field.Path) field.ErrorList {
	whole, err := netip.ParsePrefix(block.CIDR)
	if err != nil {
		return field.ErrorList{field.Invalid(path.Child("cidr"), block.CIDR, "must be a range of addresses such as 10.0.0.0/8")}
	}
	var errs field.ErrorList
	for i, text := range block.Except {
		part, err := netip.ParsePrefix(text)
		if err != nil || part.Bits() <= whole.Bits() || !whole.Contains(part.Addr()) {
			errs = append(errs, field.Invalid(path.Child("except").Index(i), text, "must be a range of addresses within "+block.CIDR))
		}
	}
	return errs
}
