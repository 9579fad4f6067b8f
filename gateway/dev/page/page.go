// SPDX-License-Identifier: Apache-2.0

// Package page is the chat that `realtime dev` serves at its root: a page for the events of the
// chat sample, which uses the stock client.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed *.html *.css *.js
var files embed.FS

// policy allows the page itself and the client bundle, which the gateway may redirect to the public
// CDN.
var policy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self' https://cdn.socket.io",
	"style-src 'self'",
	"connect-src 'self' ws: wss:",
	"img-src 'self' data:",
	"base-uri 'none'",
	"form-action 'none'",
	"frame-ancestors 'none'",
}, "; ")

// contentTypes are listed here, since those of the standard library depend on the machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

type asset struct {
	name        string
	data        []byte
	contentType string
	etag        string
}

// Handler serves the page at / and the files that it loads; all other paths are not found.
func Handler() http.Handler {
	assets := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a.serve(w, r)
	})
}

func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.etag)
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(a.data))
}

func load() map[string]*asset {
	entries, err := fs.ReadDir(files, ".")
	if err != nil { // the files are in the binary
		panic(err)
	}
	assets := map[string]*asset{}
	for _, entry := range entries {
		name := entry.Name()
		data, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		assets["/"+name] = &asset{
			name:        name,
			data:        data,
			contentType: contentTypes[path.Ext(name)],
			etag:        fmt.Sprintf(`"%x"`, sha256.Sum256(data)),
		}
	}
	assets["/"] = assets["/index.html"]
	delete(assets, "/index.html")
	return assets
}
