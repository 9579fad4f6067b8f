// SPDX-License-Identifier: Apache-2.0

package clientbundle_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/realtime-operator/realtime-operator/gateway/clientbundle"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// A program of your own serves the client beside its server. Bundles that are not installed come
// from the CDN.
func ExampleHandler_Beneath() {
	io, err := socketio.NewServer(socketio.Options{})
	if err != nil {
		panic(err)
	}
	defer io.Close()
	mux := http.NewServeMux()
	dist := os.DirFS("node_modules/socket.io-client/dist")
	bundles := clientbundle.New(clientbundle.Options{Files: dist})
	mux.Handle("/socket.io/", bundles.Beneath("/socket.io/", io))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/socket.io.min.js", nil))
	fmt.Println(w.Code, w.Header().Get("Location"))
	// Output: 302 https://cdn.socket.io/4.8.4/socket.io.min.js
}
