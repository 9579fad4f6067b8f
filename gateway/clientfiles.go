// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzhttp"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// clientVersion is the release of socket.io-client that the CDN is asked for; test/clients installs the same.
const clientVersion = "4.8.4"

// cdn has every release of the client bundle.
const cdn = "https://cdn.socket.io/" + clientVersion

// brotli is a content coding, and its extension that of a bundle compressed when the image was built: at its best level,
// which takes too long to do it for each request.
const (
	brotli          = "br"
	brotliExtension = ".br"
)

// clientNames are the files that the reference serves beneath its path, each with its source map.
var clientNames = map[string]bool{
	"socket.io.js":             true,
	"socket.io.min.js":         true,
	"socket.io.msgpack.min.js": true,
	"socket.io.esm.min.js":     true,
}

// Types of the bundles and of their source maps, as the reference has them.
const (
	scriptType    = "application/javascript; charset=utf-8"
	sourceMapType = "application/json; charset=utf-8"
)

// clientFile is the client bundle that a request asks for, if it does.
func clientFile(prefix string, r *http.Request) (string, bool) {
	name, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok || !clientNames[strings.TrimSuffix(name, ".map")] {
		return "", false
	}
	return name, true
}

// clientFiles serves the client bundles of a directory, or sends to the CDN what is not there. Those who take brotli get the
// file compressed so that lies beside the bundle, if one does; those who take gzip get it compressed on the way.
func clientFiles(dir string) http.Handler {
	return gzhttp.GzipHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		// Pages of any origin may load the client, as they may from the CDN.
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		name := path.Base(r.URL.Path)
		file := filepath.Join(dir, name)
		if dir == "" || !isFile(file) {
			http.Redirect(w, r, cdn+"/"+name, http.StatusFound)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=0")
		w.Header().Set("ETag", `"`+clientVersion+`"`)
		w.Header().Set("Content-Type", clientType(name))
		if prefersBrotli(r) && isFile(file+brotliExtension) {
			w.Header().Set("Content-Encoding", brotli)
			file += brotliExtension
		}
		// The ETag is the same however the file is compressed, so parts of it might not fit together.
		r.Header.Del("Range")
		http.ServeFile(w, r, file)
	}))
}

func clientType(name string) string {
	if strings.HasSuffix(name, ".map") {
		return sourceMapType
	}
	return scriptType
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// prefersBrotli tells whether a client takes brotli and likes gzip no better: to us brotli is the better of equals.
func prefersBrotli(r *http.Request) bool {
	accepted := r.Header.Values("Accept-Encoding")
	quality := engineio.CodingQuality(accepted, brotli)
	return quality > 0 && quality >= engineio.CodingQuality(accepted, "gzip")
}
