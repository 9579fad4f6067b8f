// SPDX-License-Identifier: Apache-2.0

package engineio

import "strings"

// pollMark tells a poll from one that is sent again. Browsers and proxies repeat a GET whose connection
// breaks before the answer, without telling the client: it would go on without the messages of the answer
// that is lost, and neither side would know.
type pollMark struct{ stamp, address string }

// markOf is a request's mark. Stock clients stamp each poll against caches, with a value that is new each
// time: the parameter t. An integer may be a clock that has not moved on, so it is no stamp.
func markOf(req *request) pollMark {
	stamp := req.query.Get("t")
	if strings.Trim(stamp, "0123456789") == "" {
		return pollMark{}
	}
	// A part of the query would keep all of it.
	return pollMark{strings.Clone(stamp), strings.Clone(req.RemoteAddr)}
}

// repeatedBy reports whether a request is the marked one, sent again by a new connection.
func (m pollMark) repeatedBy(req *request) bool {
	again := markOf(req)
	return m.stamp != "" && again.stamp == m.stamp && again.address != m.address
}
