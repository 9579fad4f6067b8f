//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// service is a RealtimeService in a Kubernetes namespace of its own, which ends with the test.
type service struct {
	t               *testing.T
	namespace, name string
}

const samples = "../../config/samples/"

// sample is a manifest of config/samples.
func sample(t *testing.T, name string) string {
	t.Helper()
	manifest, err := os.ReadFile(samples + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(manifest)
}

// newNamespace makes a Kubernetes namespace in which only restricted pods may run, and tells what
// is in it if the test fails.
func newNamespace(t *testing.T, name string) string {
	t.Helper()
	kubectl(t, "create", "namespace", name)
	kubectl(t, "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
	t.Cleanup(func() {
		tellOnFailure(t, name)
		kubectl(t, "delete", "namespace", name, "--wait=false")
	})
	return name
}

// apply applies a manifest, and waits for Ready, as a person would: under 60 seconds.
func apply(t *testing.T, namespace, manifest string) *service {
	t.Helper()
	s := &service{t: t, namespace: namespace}
	s.name = strings.TrimPrefix(s.apply(manifest, "--output=name"), "realtimeservice.realtime-operator.io/")
	start := time.Now()
	s.kubectl("wait", "rts/"+s.name, "--for=condition=Ready", "--timeout=60s")
	t.Logf("%s is Ready after %v", s.name, time.Since(start).Round(10*time.Millisecond))
	return s
}

func (s *service) apply(manifest string, flags ...string) string {
	s.t.Helper()
	output, err := tryKubectl(s.t, manifest, append([]string{"--namespace", s.namespace, "apply", "--filename=-"}, flags...)...)
	if err != nil {
		s.t.Fatalf("kubectl apply: %v\n%s", err, output)
	}
	return output
}

func (s *service) kubectl(args ...string) string {
	s.t.Helper()
	return kubectl(s.t, append([]string{"--namespace", s.namespace}, args...)...)
}

// get reads a field of the service, such as .status.connections.
func (s *service) get(path string) string {
	s.t.Helper()
	return s.kubectl("get", "rts/"+s.name, "--output=jsonpath={"+path+"}")
}

func (s *service) number(path string) int {
	s.t.Helper()
	text := s.get(path)
	number, err := strconv.Atoi(text)
	if err != nil {
		s.t.Fatalf("%s of %s is %q: %v", path, s.name, text, err)
	}
	return number
}

// url is where clients reach the Service: its ClusterIP, which must be routed to where the tests
// run.
func (s *service) url() string {
	s.t.Helper()
	return s.kubectl("get", "service/"+s.name, "--output=jsonpath=http://{.spec.clusterIP}:{.spec.ports[0].port}")
}

// pods are the gateway pods that are ready and stay.
func (s *service) pods() []string {
	s.t.Helper()
	var list struct {
		Items []struct {
			Metadata struct {
				Name              string
				DeletionTimestamp string
			}
			Status struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	source := s.kubectl("get", "pods", "--selector="+s.get(".status.selector"), "--output=json")
	if err := json.Unmarshal([]byte(source), &list); err != nil {
		s.t.Fatalf("reading the pods: %v", err)
	}
	var names []string
	for _, pod := range list.Items {
		for _, condition := range pod.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && pod.Metadata.DeletionTimestamp == "" {
				names = append(names, pod.Metadata.Name)
			}
		}
	}
	return names
}

// connections is the number of clients on each gateway pod, as it says itself.
func (s *service) connections() map[string]int {
	s.t.Helper()
	found := map[string]int{}
	for _, pod := range s.pods() {
		path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:9090/proxy/status", s.namespace, pod)
		output, err := tryKubectl(s.t, "", "get", "--raw", path)
		if err != nil {
			s.t.Fatalf("asking %s for its status: %v\n%s", pod, err, output)
		}
		var status struct{ Connections int }
		if err := json.Unmarshal([]byte(output), &status); err != nil {
			s.t.Fatalf("the status of %s: %v\n%s", pod, err, output)
		}
		found[pod] = status.Connections
	}
	return found
}

// connectTo connects websocket clients through the Service until each of a number of gateways has
// one, and says which client is where: the name of the first client by pod.
func (s *service) connectTo(gateways int, c *clients) map[string]string {
	s.t.Helper()
	first, _ := s.connectAll(gateways, c)
	return first
}

// connectAll is connectTo, and tells how many clients it took: those of the names client-0 and so
// on.
func (s *service) connectAll(gateways int, c *clients) (first map[string]string, clients int) {
	s.t.Helper()
	const enough = 40 // the Service picks gateways by chance: 40 clients miss one of two once in 2^39
	url := s.url()
	first = map[string]string{}
	before := s.connections()
	for i := range enough {
		name := fmt.Sprintf("client-%d", i)
		c.connect(name, url)
		now := s.connections()
		for pod, count := range now {
			if count > before[pod] && first[pod] == "" {
				first[pod] = name
			}
		}
		before = now
		if len(first) >= gateways {
			s.t.Logf("%d clients reach %d gateways: %v", i+1, len(first), first)
			return first, i + 1
		}
	}
	s.t.Fatalf("%d clients reach %v, want %d gateways", enough, before, gateways)
	return nil, enough
}
