// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"encoding/binary"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unique"
)

// Compact is a Request as a session keeps it. Maps of headers and parameters would take
// more memory than all else that there is of an idle session, and few ask for them; so they are in
// strings, of which clients share what they have in common.
type Compact struct {
	// own are the remote address, the host, the URL and those headers that differ from client to
	// client, common the others: lists of strings, each behind its length.
	own    string
	common unique.Handle[string]
	// at is the time, in nanoseconds since 1970.
	at     int64
	secure bool
}

// commonHeaders are those that many clients send alike: all pages of an application in the same
// browser, all that come by one proxy.
var commonHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Cache-Control": true, "Connection": true, "Content-Length": true,
	"Content-Type": true, "Dnt": true, "Origin": true, "Pragma": true, "Priority": true, "Sec-Ch-Ua": true, "Sec-Ch-Ua-Mobile": true,
	"Sec-Ch-Ua-Platform": true, "Sec-Fetch-Dest": true, "Sec-Fetch-Mode": true, "Sec-Fetch-Site": true, "Sec-Gpc": true,
	"Sec-Websocket-Extensions": true, "Sec-Websocket-Version": true, "Upgrade": true, "User-Agent": true, "Via": true,
	"X-Forwarded-Host": true, "X-Forwarded-Port": true, "X-Forwarded-Proto": true, "X-Forwarded-Scheme": true, "X-Scheme": true,
}

// Keep keeps the request of a handshake, which has come at a time.
func Keep(r *http.Request, now time.Time) Compact {
	var ownBytes [256]byte
	var commonBytes [512]byte
	own, common := ownBytes[:0], commonBytes[:0]
	for _, s := range []string{r.RemoteAddr, r.Host, r.URL.RequestURI()} {
		own = appendString(own, s)
	}
	without, _ := leftOut(r)
	names := make([]string, 0, 32)
	for name := range r.Header {
		if !slices.Contains(without, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names) // so that those who send the same share the same
	for _, name := range names {
		list := &own
		if commonHeaders[name] {
			list = &common
		}
		for _, value := range r.Header[name] {
			*list = appendString(appendString(*list, name), value)
		}
	}
	return Compact{own: string(own), common: unique.Make(string(common)), at: now.UnixNano(), secure: r.TLS != nil}
}

// maxHandshake bounds what is kept of a handshake, in bytes: a client may send four times as much,
// and would keep it here for as long as it is connected.
const maxHandshake = 4 << 10

// bulky are the headers that are left out, in this order, where a handshake is larger than what is
// kept. They are the client's own, and the ones that grow. All others are kept: those that a proxy
// has added may not go because a client sends many.
var bulky = []string{"Cookie", "Authorization"}

// Fits reports whether a handshake is small enough to be kept.
func Fits(r *http.Request) bool {
	_, fits := leftOut(r)
	return fits
}

// leftOut are the bulky headers that are not kept of a handshake. fits is false if that is not
// enough: the handshake is refused.
func leftOut(r *http.Request) (names []string, fits bool) {
	size := listSize(r.RemoteAddr) + listSize(r.Host) + listSize(r.URL.RequestURI())
	for name, values := range r.Header {
		size += headerSize(name, values)
	}
	names = bulky
	for i, name := range bulky {
		if size <= maxHandshake {
			names = bulky[:i]
			break
		}
		size -= headerSize(name, r.Header[name])
	}
	return names, size <= maxHandshake
}

// headerSize is how many bytes a header takes in a list.
func headerSize(name string, values []string) int {
	n := 0
	for _, value := range values {
		n += listSize(name) + listSize(value)
	}
	return n
}

// listSize is how many bytes a string takes in a list at most.
func listSize(s string) int { return len(s) + binary.MaxVarintLen16 }

// Expand is what was kept, made anew by each call.
func (k *Compact) Expand() *Request {
	h := &Request{Header: http.Header{}, Secure: k.secure, Time: time.Unix(0, k.at)}
	own := k.own
	for _, field := range []*string{&h.RemoteAddr, &h.Host, &h.URL} {
		*field, own = cutString(own)
	}
	h.Address = Address(h.RemoteAddr)
	_, query, _ := strings.Cut(h.URL, "?")
	h.Query, _ = url.ParseQuery(query) // what it cannot read it leaves out
	readHeaders(h.Header, own)
	readHeaders(h.Header, k.common.Value())
	return h
}

func readHeaders(h http.Header, list string) {
	for list != "" {
		var name, value string
		name, list = cutString(list)
		value, list = cutString(list)
		h[name] = append(h[name], value)
	}
}

func appendString(list []byte, s string) []byte {
	return append(binary.AppendUvarint(list, uint64(len(s))), s...)
}

// cutString takes the first string off a list.
func cutString(list string) (first, rest string) {
	n, shift := 0, 0
	for i := range len(list) {
		n |= int(list[i]&0x7f) << shift
		if list[i] < 0x80 {
			return list[i+1 : i+1+n], list[i+1+n:]
		}
		shift += 7
	}
	return "", ""
}
