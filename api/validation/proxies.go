// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"net/netip"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func validateProxies(p *v1alpha1.ProtocolSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, text := range p.TrustedProxies {
		if problem := rangeProblem(text); problem != "" {
			errs = append(errs, field.Invalid(path.Child("trustedProxies").Index(i), text, problem))
		}
	}
	if p.ProxyProtocol && len(p.TrustedProxies) == 0 {
		errs = append(errs, field.Required(path.Child("trustedProxies"), "proxyProtocol needs the proxies that speak it"))
	}
	return errs
}

// rangeProblem returns what is wrong with a range of trusted addresses.
func rangeProblem(text string) string {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return "must be a range of addresses such as 10.0.0.0/8"
	case p.Addr().Is4In6():
		return "must be written as a range of IPv4 addresses"
	case p != p.Masked():
		return "has bits behind its prefix: the range is " + p.Masked().String()
	case p.Bits() == 0:
		return "is everybody, and clients would choose their addresses: list the proxies"
	}
	return ""
}
