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

// Compact is a Request as a session keeps it. Maps of headers and parameters would take more memory
// than the rest of an idle session, and are seldom needed; so they are in strings, of which clients
// share the common part.
type Compact struct {
	// own has the remote address, the host, the URL and the headers that differ between clients;
	// common has the other headers. They are lists of strings, each preceded by its length.
	own    string
	common unique.Handle[string]
	// at is the time, in nanoseconds since 1970.
	at     int64
	secure bool
}

// commonHeaders are the headers with the same value for many clients: all pages of an application
// in the same browser, all clients of one proxy.
var commonHeaders = map[string]bool{
	"Accept": true, "Accept-Encoding": true, "Accept-Language": true, "Cache-Control": true, "Connection": true, "Content-Length": true,
	"Content-Type": true, "Dnt": true, "Origin": true, "Pragma": true, "Priority": true, "Sec-Ch-Ua": true, "Sec-Ch-Ua-Mobile": true,
	"Sec-Ch-Ua-Platform": true, "Sec-Fetch-Dest": true, "Sec-Fetch-Mode": true, "Sec-Fetch-Site": true, "Sec-Gpc": true,
	"Sec-Websocket-Extensions": true, "Sec-Websocket-Version": true, "Upgrade": true, "User-Agent": true, "Via": true,
	"X-Forwarded-Host": true, "X-Forwarded-Port": true, "X-Forwarded-Proto": true, "X-Forwarded-Scheme": true, "X-Scheme": true,
}

// Keep returns the compact form of a handshake that was received at a time.
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
	slices.Sort(names) // so that equal headers are equal strings
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

// maxHandshake limits the size of a compact handshake, in bytes: a client may send four times as
// much, and would occupy that memory for as long as it is connected.
const maxHandshake = 4 << 10

// bulky are the headers that are omitted, in this order, if a handshake is too large. They are sent
// by the client itself, and the ones that grow. All others are kept: headers of a proxy must not be
// lost because a client sends many.
var bulky = []string{"Cookie", "Authorization"}

// Fits reports whether a handshake is small enough to be kept.
func Fits(r *http.Request) bool {
	_, fits := leftOut(r)
	return fits
}

// LeftOut returns the names of the headers that are omitted from a handshake.
func LeftOut(r *http.Request) []string {
	names, _ := leftOut(r)
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return len(r.Header[name]) == 0 })
}

// leftOut returns the bulky headers that are omitted from a handshake. fits is false if the rest is
// still too large: then the handshake is refused.
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

// headerSize returns the number of bytes of a header in a list.
func headerSize(name string, values []string) int {
	n := 0
	for _, value := range values {
		n += listSize(name) + listSize(value)
	}
	return n
}

// listSize returns the maximum number of bytes of a string in a list.
func listSize(s string) int { return len(s) + binary.MaxVarintLen16 }

// RemoteAddr returns the address with the port.
func (k *Compact) RemoteAddr() string {
	remote, _ := cutString(k.own)
	return remote
}

// Expand returns the request. Each call decodes it again.
func (k *Compact) Expand() *Request {
	h := &Request{Header: http.Header{}, Secure: k.secure, Time: time.Unix(0, k.at)}
	own := k.own
	for _, field := range []*string{&h.RemoteAddr, &h.Host, &h.URL} {
		*field, own = cutString(own)
	}
	h.Address = Address(h.RemoteAddr)
	_, query, _ := strings.Cut(h.URL, "?")
	h.Query, _ = url.ParseQuery(query) // it omits invalid parameters
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

// cutString removes the first string from a list.
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
