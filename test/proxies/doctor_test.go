//go:build proxies

// SPDX-License-Identifier: Apache-2.0

package proxies

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/doctor"
)

const manifest = `apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: chat}
spec:
  protocol:
    pingInterval: 4s
    pingTimeout: 2s
    maxPayload: 2Mi
    trustedProxies: [127.0.0.1/32]
  namespaces:
  - name: /
`

// examine returns the findings of an examination.
func examine(t *testing.T, url string, gateways []string) []doctor.Finding {
	t.Helper()
	var out bytes.Buffer
	o := doctor.Options{URL: url, JSON: true, Out: &out, Silence: 4 * time.Second}
	for _, port := range gateways {
		o.Metrics = append(o.Metrics, "http://127.0.0.1:"+port+"/metrics")
	}
	var failure *doctor.FailedError
	if err := doctor.Run(t.Context(), o); err != nil && !errors.As(err, &failure) {
		t.Fatal(err)
	}
	var report struct{ Findings []doctor.Finding }
	if err := json.Unmarshal(out.Bytes(), &report); err != nil {
		t.Fatal(err)
	}
	return report.Findings
}

// With the configurations that the documentation shows, everything gets through, and gateways know
// clients' addresses.
func TestConfiguredAsDocumented(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			gateways := startService(t, manifest)
			for _, f := range examine(t, p.start(t, "full", gateways), gateways) {
				if f.Status == doctor.Failed || f.Status == doctor.Skipped && f.Check != "webtransport" && f.Check != "origin" && f.Check != "streams" {
					t.Errorf("%s: %s: %s %q", f.Check, f.Status, f.Message, f.Advice)
				}
			}
		})
	}
}

// diagnosis is a finding that something does not get through.
type diagnosis struct{ check, message, advice string }

// With nothing but the addresses of gateways, and an idle timeout of two seconds, `realtime doctor`
// names what is wrong, the proxy, and each setting.
func TestNothingConfigured(t *testing.T) {
	t.Parallel()
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			gateways := startService(t, manifest)
			findings := examine(t, p.start(t, "bare", gateways), gateways)
			want := bare[p.name]
			for _, d := range want {
				if !found(findings, d) {
					t.Errorf("%+v is not found", d)
				}
			}
			for _, f := range findings {
				if f.Status == doctor.Failed && !expected(f, want) {
					t.Errorf("found: %s: %s %q", f.Check, f.Message, f.Advice)
				}
			}
		})
	}
}

var bare = map[string][]diagnosis{
	"nginx": {
		{"websocket", "by nginx, instead of 101", "proxy_set_header Upgrade $http_upgrade;"},
		{"upgrade", "by nginx, instead of 101", "proxy_set_header Upgrade $http_upgrade;"},
		{"payload", "413 Request Entity Too Large, by nginx; 1048576 bytes get through", "client_max_body_size 2m;"},
		{"silence", "polling: after 2 s of silence", "proxy_next_upstream off;"},
		{"address", "missing", "proxy_set_header X-Forwarded-For"},
	},
	"haproxy": {
		{"silence", "polling: cut after 2 s of silence (504 Gateway Timeout)", "HAProxy: timeout client 9s"},
		{"silence", "WebSocket: cut after 2 s of silence", "timeout tunnel 1h"},
		{"address", "missing", "HAProxy: option forwardfor"},
	},
	"apache": {
		{"websocket", "by Apache, instead of 101", "upgrade=websocket"},
		{"upgrade", "by Apache, instead of 101", "upgrade=websocket"},
		{"silence", "polling: cut after 2 s of silence", "ProxyTimeout 9"},
	},
	"lighttpd": {
		{"websocket", "by lighttpd, instead of 101", `proxy.header = ("upgrade" => "enable")`},
		{"upgrade", "by lighttpd, instead of 101", `proxy.header = ("upgrade" => "enable")`},
	},
	"caddy": {
		{"payload", "502 Bad Gateway, by Caddy; 1048576 bytes get through", "max_size 2MiB"},
		{"silence", "polling: cut after 2 s of silence (504 Gateway Timeout)", "response_header_timeout 9s"},
	},
	"h2o": {
		{"websocket", "by h2o, instead of 101", "proxy.websocket: ON"},
		{"upgrade", "by h2o, instead of 101", "proxy.websocket: ON"},
		{"payload", "by h2o; 1048576 bytes get through", "limit-request-body: 2097152"},
		{"silence", "polling: cut after 2 s of silence (502 Bad Gateway)", "proxy.timeout.io: 9000"},
	},
	"squid": {
		{"websocket", "by Squid, instead of 101", "http_upgrade_request_protocols"},
		{"upgrade", "by Squid, instead of 101", "http_upgrade_request_protocols"},
		{"payload", "by Squid; 1048576 bytes get through", "request_body_max_size 2 MB"},
		{"silence", "the poll was cut, and made again", "read_timeout: more than 9 seconds"},
	},
	"varnish": {
		{"websocket", "by Varnish, instead of 101", "return (pipe)"},
		{"upgrade", "by Varnish, instead of 101", "return (pipe)"},
		{"silence", "polling: cut after 2 s of silence", "first_byte_timeout=9"},
	},
}

func found(findings []doctor.Finding, d diagnosis) bool {
	for _, f := range findings {
		if f.Status == doctor.Failed && matches(f, d) {
			return true
		}
	}
	return false
}

func expected(f doctor.Finding, all []diagnosis) bool {
	for _, d := range all {
		if matches(f, d) {
			return true
		}
	}
	return false
}

func matches(f doctor.Finding, d diagnosis) bool {
	return f.Check == d.check && strings.Contains(f.Message, d.message) && strings.Contains(strings.Join(f.Advice, "\n"), d.advice)
}
