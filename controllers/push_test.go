// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
)

// gatewayOf answers as a gateway that has these certificates.
func gatewayOf(t *testing.T, data map[string][]byte, answer http.HandlerFunc) string {
	t.Helper()
	pair, err := tls.X509KeyPair(data[gatewaypeers.Certificate], data[gatewaypeers.Key])
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(data[gatewaypeers.Authorities])
	server := httptest.NewUnstartedServer(answer)
	server.TLS = &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
	}
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestPush(t *testing.T) {
	ours, err := certificates.RenewPeers(nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	others, err := certificates.RenewPeers(nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	taken := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPut || r.URL.Path != "/v1/configuration" || string(body) != "the body" {
			http.Error(w, "what is this", http.StatusTeapot)
			return
		}
		fmt.Fprint(w, `{"configHash": "abc", "configError": "bad", "later": 1}`)
	}
	for name, test := range map[string]struct {
		gateway map[string][]byte
		answer  http.HandlerFunc
		want    gatewaystatus.Status
		err     string
	}{
		"an answer":          {ours, taken, gatewaystatus.Status{ConfigHash: "abc", ConfigError: "bad"}, ""},
		"a foreign gateway":  {others, taken, gatewaystatus.Status{}, "certificate"},
		"an earlier release": {ours, http.NotFound, gatewaystatus.Status{}, errNoPushes.Error()},
		"an error":           {ours, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, gatewaystatus.Status{}, "403"},
		"a redirect":         {ours, http.RedirectHandler("http://192.0.2.1/", http.StatusFound).ServeHTTP, gatewaystatus.Status{}, "302"},
		"no answer": {ours, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // or the server does not see that the operator has given up
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, gatewaystatus.Status{}, "push to"},
		"an answer without end": {ours, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"configHash": "`)
			for range 100 {
				fmt.Fprint(w, strings.Repeat("a", 1000))
			}
		}, gatewaystatus.Status{}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			identity, err := certificates.OperatorTLS(ours)
			if err != nil {
				t.Fatal(err)
			}
			ctx := t.Context()
			if name == "no answer" { // the others take as long as they take
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Second)
				defer cancel()
			}
			got, err := pushTo(ctx, gatewayOf(t, test.gateway, test.answer), identity, Pushed{"/v1/configuration", "application/yaml", []byte("the body")})
			if test.err == "" && (err != nil || !cmp.Equal(got, test.want)) {
				t.Errorf("%+v, %v", got, err)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("error %v, want %q", err, test.err)
			}
			if name == "an earlier release" && !errors.Is(err, errNoPushes) {
				t.Errorf("error %v", err)
			}
		})
	}
}
