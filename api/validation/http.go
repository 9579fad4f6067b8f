// SPDX-License-Identifier: Apache-2.0

package validation

import (
	"maps"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// maxAsterisks is how many asterisks a CORS origin may have: in its host and in its port.
const maxAsterisks = 2

// headerName is a name that HTTP allows (RFC 9110 section 5.6.2).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")

// reservedHeaders are the headers that the protocol sets itself.
var reservedHeaders = map[string]bool{
	"Connection": true, "Content-Encoding": true, "Content-Length": true, "Content-Type": true, "Transfer-Encoding": true, "Upgrade": true,
}

func validateProtocol(p *v1alpha1.ProtocolSpec, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if p.CORS != nil {
		for i, origin := range p.CORS.Origins {
			if strings.Count(origin, "*") > maxAsterisks {
				errs = append(errs, field.Invalid(path.Child("cors", "origins").Index(i), origin, "has more than two asterisks"))
			}
		}
	}
	errs = append(errs, validateHeaders(p.Headers, path.Child("headers"))...)
	errs = append(errs, validateHeaders(p.InitialHeaders, path.Child("initialHeaders"))...)
	for i, rule := range p.Admission {
		errs = compile(errs, path.Child("admission").Index(i).Child("expression"), expression.Admission, rule.Expression)
	}
	return errs
}

// validateHeaders checks names, which are keys, so that the schema cannot check them.
func validateHeaders(headers map[string]v1alpha1.HeaderValue, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case !headerName.MatchString(name):
			errs = append(errs, field.Invalid(path.Key(name), name, "is no name of an HTTP header"))
		case reservedHeaders[canonical] || strings.HasPrefix(canonical, "Sec-Websocket-"):
			errs = append(errs, field.Forbidden(path.Key(name), "the protocol sets this header itself"))
		case seen[canonical]:
			errs = append(errs, field.Duplicate(path.Key(name), name))
		}
		seen[canonical] = true
	}
	return errs
}
