// SPDX-License-Identifier: Apache-2.0

package httpx

import "strings"

// CodingQuality is how much the sender of a request likes a content coding, from 0, not at all, to
// 1, by its Accept-Encoding headers (RFC 9110 section 12.5.3). Names of codings are in lower case,
// such as "br". A request that does not speak of the coding does not want it.
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
