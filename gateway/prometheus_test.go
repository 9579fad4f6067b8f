//go:build prometheus

// SPDX-License-Identifier: Apache-2.0

package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// TestPrometheusScrapesAGateway runs Debian's Prometheus, with the rules of config/monitoring, and
// a gateway as a process of its own. `make test-monitoring` runs it.
func TestPrometheusScrapesAGateway(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "realtime")
	if output, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("build the gateway: %v\n%s", err, output)
	}
	manifest := filepath.Join(dir, "service.yaml")
	write(t, manifest, "apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {namespace: team, name: chat}\nspec:\n  recovery: {maxDisconnectionDuration: 1m}\n")
	clients, ops, web := freeAddress(t), freeAddress(t), freeAddress(t)
	launch(t, program, "gateway", "--config="+manifest, "--nats-url="+natstest.StartJetStream(t).ClientURL(), "--listen="+clients, "--ops-listen="+ops, "--drain=0s")
	come(t, "the gateway", "http://"+ops+"/readyz", "ok")

	// A client comes and goes, and one is refused.
	opened := get(t, "http://"+clients+"/socket.io/?EIO=4&transport=polling")
	sid := regexp.MustCompile(`"sid":"([^"]+)"`).FindStringSubmatch(opened)
	if sid == nil {
		t.Fatalf("the handshake is answered by %q", opened)
	}
	response, err := http.Post("http://"+clients+"/socket.io/?EIO=4&transport=polling&sid="+sid[1], "text/plain", strings.NewReader("1"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	get(t, "http://"+clients+"/socket.io/?EIO=4&transport=carrier-pigeon")

	rules, err := filepath.Abs("../config/monitoring/rules")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yaml")
	write(t, config, fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
- job_name: gateways
  static_configs:
  - targets: [%q]
    labels: {namespace: team, realtimeservice: chat}
`, rules+"/*.yaml", ops))
	launch(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+web)
	come(t, "Prometheus", "http://"+web+"/-/ready", "Ready")

	for query, want := range map[string]string{
		`realtime_connections{realtimeservice="chat"}`:                                 "0",
		`realtime_handshakes_accepted_total`:                                           "1",
		`realtime_handshakes_refused_total{reason="invalid"}`:                          "1",
		`realtime_disconnections_total{reason="transport_close"}`:                      "1",
		`realtime_disconnections_total{reason="drain"}`:                                "0",
		`realtime_nats_connected`:                                                      "1",
		`realtime_log_ready`:                                                           "1",
		`count(realtime_write_delay_seconds_bucket{le="0.25"})`:                        "1",
		`count(realtime_stored_delivery_seconds_bucket{le="0.25"})`:                    "1",
		`count(realtime_nats_round_trip_seconds_bucket{le="0.25"} > 0)`:                "1",
		`count(realtime_log_probe_seconds_bucket{le="0.25"} > 0)`:                      "1",
		`count(realtime_log_gaps_total) + count(realtime_log_rejected_messages_total)`: "6",
		`count(ALERTS{alertname="RealtimeOperatorAbsent"})`:                            "1",
	} {
		come(t, query+" = "+want, "http://"+web+"/api/v1/query?query="+url.QueryEscape(query), `,"`+want+`"]`)
	}
	var loaded struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	files, err := filepath.Glob(rules + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(get(t, "http://"+web+"/api/v1/rules")), &loaded); err != nil {
		t.Fatal(err)
	}
	if len(loaded.Data.Groups) != len(files) || len(files) == 0 {
		t.Errorf("Prometheus has %d groups of rules, want those of %d files", len(loaded.Data.Groups), len(files))
	}
	for _, group := range loaded.Data.Groups {
		for _, rule := range group.Rules {
			if rule.Health == "err" {
				t.Errorf("%s: %s", rule.Name, rule.LastError)
			}
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// launch runs a program until the test ends.
func launch(t *testing.T, program string, args ...string) {
	t.Helper()
	command := exec.Command(program, args...)
	var output strings.Builder
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		if err := command.Wait(); err != nil || t.Failed() {
			t.Logf("%s has ended: %v\n%s", program, err, output.String())
		}
	})
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// come waits until the body at an address has a text.
func come(t *testing.T, what, address, text string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for deadline := time.After(time.Minute); ; {
		if response, err := http.Get(address); err == nil {
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if last = string(body); strings.Contains(last, text) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s does not come: %s", what, last)
		}
	}
}
