// SPDX-License-Identifier: Apache-2.0

package clientaddr

import (
	"net/netip"
	"slices"
	"strings"
)

// client returns the address of the client of a request: the last element of X-Forwarded-For that
// is not a trusted proxy itself, or the first one if all are. What is to the left of that was
// written by a stranger. An element that is no IP address ends the search at what has sent it.
func (t *Trust) client(peer netip.Addr, header []string) (netip.Addr, Problem) {
	switch {
	case !t.trusts(peer) && len(header) > 0:
		return peer, Untrusted
	case !t.trusts(peer):
		return peer, ""
	case len(header) == 0:
		return peer, Missing
	}
	client := peer
	for _, list := range slices.Backward(header) {
		for more := true; more; {
			var element string
			list, element, more = cutLast(list)
			address, ok := parseElement(element)
			if !ok {
				return client, Malformed
			}
			client = address
			if !t.trusts(client) {
				return client, ""
			}
		}
	}
	return client, ""
}

// cutLast cuts a list before its last element. more is false if that is the only one.
func cutLast(list string) (rest, element string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", list, false
	}
	return list[:i], list[i+1:], true
}

// parseElement reads an IP address, with or without a port, as proxies write both. A zone makes no
// sense to anybody else, and could be any text.
func parseElement(text string) (netip.Addr, bool) {
	text = strings.Trim(text, " \t")
	address, err := netip.ParseAddr(text)
	if err != nil {
		if !strings.Contains(text, "]:") && strings.HasPrefix(text, "[") {
			text += ":0"
		}
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		address = withPort.Addr()
	}
	if err != nil || address.Zone() != "" {
		return netip.Addr{}, false
	}
	return address.Unmap(), true
}
