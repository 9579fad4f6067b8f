// SPDX-License-Identifier: Apache-2.0

// Package clientbundle serves the JavaScript bundles of socket.io-client to pages, as serveClient
// does on Node:
//
//	files := os.DirFS("node_modules/socket.io-client/dist")
//	bundles := clientbundle.New(clientbundle.Options{Files: files})
//	http.Handle("/socket.io/", bundles.Beneath("/socket.io/", io))
//
// A page then loads <script src="/socket.io/socket.io.min.js"></script>.
package clientbundle

import (
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/klauspost/compress/gzhttp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// Version is the release of socket.io-client that is served by default; test/clients installs the
// same.
const Version = "4.8.4"

// cdn has a folder for each release of the client.
const cdn = "https://cdn.socket.io/"

// brotli is a content coding, and brotliExtension the extension of a bundle that was compressed in
// advance: the best level takes too long for a request.
const (
	brotli          = "br"
	brotliExtension = ".br"
)

// bundles are the files that the reference serves below its path, each with its source map.
var bundles = map[string]bool{
	"socket.io.js":             true,
	"socket.io.min.js":         true,
	"socket.io.msgpack.min.js": true,
	"socket.io.esm.min.js":     true,
}

// The content types of the bundles and of their source maps, as in the reference.
const (
	scriptType    = "application/javascript; charset=utf-8"
	sourceMapType = "application/json; charset=utf-8"
)

// Options determine what is served. The zero value redirects all requests to the CDN of socket.io.
type Options struct {
	// Files has the bundles, such as the dist folder of npm's socket.io-client, by os.DirFS or
	// go:embed. A request for a missing bundle is redirected to the CDN. A file that has been
	// compressed with brotli, with the extension .br, is sent to browsers that accept it.
	Files fs.FS
	// Version is the release of socket.io-client in Files, and on the CDN; Version, the constant,
	// if empty. It is the ETag of the bundles.
	Version string
}

// Handler serves the bundles, by the last element of the path; other names are answered with 404.
// Safe for concurrent use.
type Handler struct {
	files   fs.FS
	version string
	gzip    http.Handler
}

// New returns a handler. Files that are missing are no error: the CDN has them.
func New(o Options) *Handler {
	h := &Handler{files: o.Files, version: o.Version}
	if h.version == "" {
		h.version = Version
	}
	h.gzip = gzhttp.GzipHandler(http.HandlerFunc(h.serve))
	return h
}

// Named reports whether a request's path is that of a bundle below a prefix, such as
// /socket.io/socket.io.min.js below /socket.io/.
func Named(prefix, urlPath string) bool {
	name, ok := strings.CutPrefix(urlPath, prefix)
	return ok && isBundle(name)
}

func isBundle(name string) bool { return bundles[strings.TrimSuffix(name, ".map")] }

// Beneath serves the bundles below a prefix that ends with a slash, and passes all other requests
// to next, which is usually the Socket.IO server.
func (h *Handler) Beneath(prefix string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Named(prefix, r.URL.Path) {
			h.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP serves the bundle of a request, compressed with gzip unless there is one in brotli.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !isBundle(path.Base(r.URL.Path)) {
		http.NotFound(w, r)
		return
	}
	h.gzip.ServeHTTP(w, r)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	// Pages of any origin may load the client, as they may from the CDN.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	name := path.Base(r.URL.Path)
	if !h.has(name) {
		http.Redirect(w, r, cdn+h.version+"/"+name, http.StatusFound)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=0")
	w.Header().Set("ETag", `"`+h.version+`"`)
	w.Header().Set("Content-Type", contentType(name))
	if prefersBrotli(r) && h.has(name+brotliExtension) {
		w.Header().Set("Content-Encoding", brotli)
		name += brotliExtension
	}
	// The ETag does not depend on the coding, so ranges of two responses might not fit together.
	whole := r.Clone(r.Context())
	whole.Header.Del("Range")
	http.ServeFileFS(w, whole, h.files, name)
}

func contentType(name string) string {
	if strings.HasSuffix(name, ".map") {
		return sourceMapType
	}
	return scriptType
}

func (h *Handler) has(name string) bool {
	if h.files == nil {
		return false
	}
	info, err := fs.Stat(h.files, name)
	return err == nil && info.Mode().IsRegular()
}

// prefersBrotli reports whether a client accepts brotli and does not prefer gzip. Of equals, brotli
// is the smaller one.
func prefersBrotli(r *http.Request) bool {
	accepted := r.Header.Values("Accept-Encoding")
	quality := engineio.CodingQuality(accepted, brotli)
	return quality > 0 && quality >= engineio.CodingQuality(accepted, "gzip")
}
