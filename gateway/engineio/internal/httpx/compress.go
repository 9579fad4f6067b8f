// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// A compressor is a compress/gzip or compress/zlib Writer. They take some hundred kilobytes, so
// they are reused.
type compressor interface {
	io.WriteCloser
	Reset(io.Writer)
}

// contentCodings are the supported codings for answers to polls (RFC 9110 section 8.4.1). "deflate"
// there is zlib's format.
var contentCodings = map[string]*sync.Pool{
	"gzip":    {New: func() any { return gzip.NewWriter(nil) }},
	"deflate": {New: func() any { return zlib.NewWriter(nil) }},
}

// Compress compresses the body of an answer, if the client accepts that. It returns the bytes to
// send and their content coding, empty for none.
func Compress(r *http.Request, body []byte) (sent []byte, coding string) {
	coding = acceptedCoding(r.Header.Values("Accept-Encoding"))
	if coding == "" {
		return body, ""
	}
	pool := contentCodings[coding]
	w := pool.Get().(compressor)
	defer pool.Put(w)
	var buf bytes.Buffer
	w.Reset(&buf)
	_, _ = w.Write(body) // a bytes.Buffer returns no error
	_ = w.Close()
	w.Reset(io.Discard) // so that the pool does not hold the bytes
	return buf.Bytes(), coding
}

// acceptedCoding returns the coding that a client prefers: by its quality and, among equals, by its
// place in the list. It is empty if the client accepts none of ours (RFC 9110 section 12.5.3).
func acceptedCoding(header []string) string {
	best, bestQuality := "", 0.0
	rest := 0.0 // the quality of "*"
	named := map[string]bool{}
	for item := range strings.SplitSeq(strings.Join(header, ","), ",") {
		name, parameters, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		quality := qualityOf(parameters)
		if name == "*" {
			rest = quality
			continue
		}
		named[name] = true
		if contentCodings[name] != nil && quality > bestQuality {
			best, bestQuality = name, quality
		}
	}
	for _, name := range []string{"gzip", "deflate"} {
		if !named[name] && rest > bestQuality {
			best, bestQuality = name, rest
		}
	}
	return best
}

// qualityOf parses a weight: 1 if there is none, 0 if it is invalid.
func qualityOf(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(q >= 0 && q <= 1) { // also NaN
				return 0
			}
			return q
		}
	}
	return 1
}
