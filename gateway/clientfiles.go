// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// clientVersion is the release of socket.io-client that the CDN is asked for; test/clients installs the same.
const clientVersion = "4.8.4"

// cdn has every release of the client bundle.
const cdn = "https://cdn.socket.io/" + clientVersion

// clientNames are the files that the reference serves beneath its path, each with its source map.
var clientNames = map[string]bool{
	"socket.io.js":             true,
	"socket.io.min.js":         true,
	"socket.io.msgpack.min.js": true,
	"socket.io.esm.min.js":     true,
}

// clientFile is the client bundle that a request asks for, if it does.
func clientFile(prefix string, r *http.Request) (string, bool) {
	name, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok || !clientNames[strings.TrimSuffix(name, ".map")] {
		return "", false
	}
	return name, true
}

// clientFiles serves the client bundles of a directory, compressed for those who take it, or sends to the CDN what is not
// there.
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
		if info, err := os.Stat(file); dir == "" || err != nil || info.IsDir() {
			http.Redirect(w, r, cdn+"/"+name, http.StatusFound)
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=0")
		w.Header().Set("ETag", `"`+clientVersion+`"`)
		http.ServeFile(w, r, file)
	}))
}
