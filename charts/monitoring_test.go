//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// monitoringOn has the values with all that is for Prometheus and Grafana.
var monitoringOn = []string{
	"--set", "monitoring.podMonitor.enabled=true", "--set", "monitoring.prometheusRule.enabled=true",
	"--set", "monitoring.dashboard.enabled=true",
}

// needsPrometheus reports whether an object is for programs that a cluster need not have.
func needsPrometheus(o *unstructured.Unstructured) bool {
	return o.GroupVersionKind().Group == "monitoring.coreos.com" || o.GetLabels()["grafana_dashboard"] != ""
}

func TestMonitoringIsOffByDefault(t *testing.T) {
	for key, object := range render(t) {
		if needsPrometheus(object) {
			t.Errorf("%s is there, for which a cluster may have no CRD", key)
		}
	}
}

func TestMonitoringIsThatOfKustomize(t *testing.T) {
	folder, err := os.MkdirTemp("../config", "test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	kustomization := "resources: [../default]\ncomponents: [../monitoring]\nnamespace: " + namespace + "\n"
	if err := os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	want, got := kustomizeAt(t, folder), render(t, monitoringOn...)
	found := 0
	for key, object := range got {
		if !needsPrometheus(object) {
			continue
		}
		found++
		other := want[key]
		if other == nil {
			t.Errorf("kustomize has no %s", key)
			continue
		}
		for _, part := range []string{"spec", "data"} {
			if diff := cmp.Diff(other.Object[part], object.Object[part]); diff != "" && key[:9] != "ConfigMap" {
				t.Errorf("%s differs (-kustomize +chart):\n%s", key, diff)
			}
		}
	}
	if found != 4 {
		t.Errorf("the chart has %d objects for Prometheus and Grafana, want 4", found)
	}
}

func TestPrometheusFindsTheObjects(t *testing.T) {
	objects := render(t, append(monitoringOn, "--set", "monitoring.labels.release=stack", "--set", "watchNamespaces={team}", "--set", "monitoring.podMonitor.interval=10s")...)
	for key, object := range objects {
		if needsPrometheus(object) && object.GetLabels()["release"] != "stack" {
			t.Errorf("%s has the labels %v", key, object.GetLabels())
		}
	}
	gateways := objects["PodMonitor/"+namespace+"/realtime-operator-gateways"]
	if names, _, _ := unstructured.NestedStringSlice(gateways.Object, "spec", "namespaceSelector", "matchNames"); !cmp.Equal(names, []string{"team"}) {
		t.Errorf("gateways are scraped in %v", names)
	}
	board, _, _ := unstructured.NestedString(objects["ConfigMap/"+namespace+"/realtime-operator-dashboard"].Object, "data", "realtime-services.json")
	if !json.Valid([]byte(board)) {
		t.Error("the dashboard is no JSON")
	}
	rules, _, _ := unstructured.NestedSlice(objects["PrometheusRule/"+namespace+"/realtime-operator"].Object, "spec", "groups")
	text, _ := json.Marshal(rules)
	if !strings.Contains(string(text), "{{ $labels.realtimeservice }}") {
		t.Error("Helm has taken the braces of Prometheus for its own")
	}
}

func TestWithoutMetricsTheOperatorIsNotScraped(t *testing.T) {
	objects := render(t, append(monitoringOn, "--set", "metrics.enabled=false")...)
	if _, ok := objects["PodMonitor/"+namespace+"/realtime-operator"]; ok {
		t.Error("the operator is scraped on a port that it does not have")
	}
}
