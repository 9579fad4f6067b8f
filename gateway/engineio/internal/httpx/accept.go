// SPDX-License-Identifier: Apache-2.0

package httpx

import "strings"

// CodingQuality returns the preference for a content coding, from 0 (not acceptable) to 1,
// according to the Accept-Encoding headers (RFC 9110 section 12.5.3). Names of codings are in lower
// case, such as "br". Codings that the headers do not mention are not acceptable.
func CodingQuality(header []string, coding string) float64 {
	rest := 0.0 // the quality of "*"
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, parameters, _ := strings.Cut(item, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case coding:
			return qualityOf(parameters)
		case "*":
			rest = qualityOf(parameters)
		}
	}
	return rest
}
