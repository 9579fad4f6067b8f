// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/sets"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// TestTheGuideOfAutoscaling has a real API server accept every manifest of docs/how-to/autoscale.md
// of a kind that it knows, and checks what the others say about ours.
func TestTheGuideOfAutoscaling(t *testing.T) {
	c, namespace := useCluster(t)
	guide, err := os.ReadFile("../docs/how-to/autoscale.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1) {
		var ops *corev1.Service
		for _, document := range strings.Split(block[1], "\n---\n") {
			object := &unstructured.Unstructured{}
			if err := yaml.UnmarshalStrict([]byte(document), &object.Object); err != nil {
				t.Fatalf("%v:\n%s", err, document)
			}
			kinds[object.GetKind()]++
			switch object.GetKind() {
			case "ScaledObject":
				checkScaledObject(t, object, ops)
				continue
			case "": // of the Prometheus adapter
				checkAdapterRule(t, document)
				continue
			case "Service":
				ops = opsService(t, document)
			case "HorizontalPodAutoscaler":
				checkScaleTarget(t, object)
			}
			object.SetNamespace(namespace)
			if err := c.Create(t.Context(), object, client.DryRunAll, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
				t.Errorf("%v:\n%s", err, document)
			}
		}
	}
	if want := "map[:1 HorizontalPodAutoscaler:1 RealtimeService:5 ScaledObject:1 Service:1]"; fmt.Sprint(kinds) != want {
		t.Errorf("the guide has %v, want %s", kinds, want)
	}
}

// opsService checks that a Service leads to the ops port of a service's gateways.
func opsService(t *testing.T, document string) *corev1.Service {
	t.Helper()
	service := &corev1.Service{}
	if err := yaml.UnmarshalStrict([]byte(document), service); err != nil {
		t.Fatal(err)
	}
	if want := resources.GatewaySelector("chat"); !reflect.DeepEqual(service.Spec.Selector, want) {
		t.Errorf("the Service selects %v, want %v", service.Spec.Selector, want)
	}
	if service.Spec.Ports[0].TargetPort.IntVal != resources.OpsPort {
		t.Errorf("the Service leads to %v", service.Spec.Ports)
	}
	return service
}

// checkScaleTarget checks that what is scaled is a service, by a scale that the CRD has.
func checkScaleTarget(t *testing.T, object *unstructured.Unstructured) {
	t.Helper()
	target, _, err := unstructured.NestedStringMap(object.Object, "spec", "scaleTargetRef")
	if want := "map[apiVersion:realtime-operator.io/v1alpha1 kind:RealtimeService name:chat]"; err != nil || fmt.Sprint(target) != want {
		t.Errorf("%s scales %v, %v", object.GetKind(), target, err)
	}
}

// checkScaledObject checks that KEDA would find the connections of all gateways.
func checkScaledObject(t *testing.T, object *unstructured.Unstructured, ops *corev1.Service) {
	t.Helper()
	checkScaleTarget(t, object)
	triggers, _, err := unstructured.NestedSlice(object.Object, "spec", "triggers")
	if err != nil || len(triggers) != 1 {
		t.Fatalf("the triggers are %v, %v", triggers, err)
	}
	metadata, _, err := unstructured.NestedStringMap(triggers[0].(map[string]any), "metadata")
	if err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(metadata["url"])
	if err != nil || ops == nil {
		t.Fatalf("the URL is %q, and the Service %v", metadata["url"], ops)
	}
	if address.Path != "/status" || address.Port() != fmt.Sprint(resources.OpsPort) || !strings.HasPrefix(address.Host, ops.Name+".") {
		t.Errorf("the URL is %s, and the Service %s", address, ops.Name)
	}
	status, err := json.Marshal(gatewaystatus.Status{Connections: 7})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(status, &fields); err != nil {
		t.Fatal(err)
	}
	if fields[metadata["valueLocation"]] != 7.0 {
		t.Errorf("%s is not where %s has its connections", metadata["valueLocation"], status)
	}
	known := sets.New("url", "valueLocation", "targetValue", "aggregateFromKubeServiceEndpoints", "aggregationType")
	if got := sets.KeySet(metadata); !got.Equal(known) || metadata["aggregateFromKubeServiceEndpoints"] != "true" || metadata["aggregationType"] != "sum" {
		t.Errorf("the trigger has %v", metadata)
	}
}

// checkAdapterRule checks that a rule is for the metric that the autoscaler of the guide uses, and
// that gateways have.
func checkAdapterRule(t *testing.T, document string) {
	t.Helper()
	source, err := os.ReadFile("../gateway/ops.go")
	if err != nil {
		t.Fatal(err)
	}
	const metric = "realtime_connections"
	if err := contains(document, "'"+metric+"{"); err != nil {
		t.Error(err)
	}
	if err := contains(string(source), `Name: "`+metric+`"`); err != nil {
		t.Error(err)
	}
	guide, err := os.ReadFile("../docs/how-to/autoscale.md")
	if err != nil {
		t.Fatal(err)
	}
	if err := contains(string(guide), "metric: {name: "+metric+"}"); err != nil {
		t.Error(err)
	}
}
