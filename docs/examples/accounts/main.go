// SPDX-License-Identifier: Apache-2.0

// A program that says who clients are, over HTTP (docs/reference/authentication-requests.md).
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"
)

var users = map[string]string{"an-open-secret": "anna"}

func main() {
	http.HandleFunc("POST /who", func(w http.ResponseWriter, r *http.Request) {
		var question struct{ Token string }
		if err := json.NewDecoder(r.Body).Decode(&question); err != nil {
			http.Error(w, "no question", http.StatusBadRequest)
			return
		}
		answer := map[string]any{"unrecognized": true}
		if user, known := users[question.Token]; known {
			answer = map[string]any{"user": user, "claims": map[string]any{"role": "editor"}, "ttl": 60}
		}
		if err := json.NewEncoder(w).Encode(answer); err != nil {
			log.Print(err)
		}
	})
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
