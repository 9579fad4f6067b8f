// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
)

func TestFetchStatus(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   gatewaystatus.Status
		err    string
	}{
		"an answer": {
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `{"connections": 3, "configHash": "abc", "configError": "", "draining": true, "nats": "connected", "later": 1}`)
			},
			gatewaystatus.Status{Connections: 3, ConfigHash: "abc", Draining: true, NATS: "connected"}, "",
		},
		"an error": {
			func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotFound) },
			gatewaystatus.Status{}, "404",
		},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://192.0.2.1/", http.StatusFound)
			},
			gatewaystatus.Status{}, "302",
		},
		"something else": {
			func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
			gatewaystatus.Status{}, "read the answer",
		},
		"an answer without end": {
			func(w http.ResponseWriter, _ *http.Request) {
				fmt.Fprint(w, `{"configHash": "`)
				for range 100 {
					fmt.Fprint(w, strings.Repeat("a", 1000))
				}
			},
			gatewaystatus.Status{}, "unexpected EOF",
		},
		"no answer": {
			func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			gatewaystatus.Status{}, "deadline exceeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(test.answer)
			defer server.Close()
			ctx := t.Context()
			if name == "no answer" { // the others take as long as they take
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			client := newStatusClient()
			defer client.CloseIdleConnections()
			got, err := fetchStatus(ctx, client, server.URL)
			if test.err == "" && (err != nil || !cmp.Equal(got, test.want)) {
				t.Errorf("%+v, %v", got, err)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
		})
	}
}
