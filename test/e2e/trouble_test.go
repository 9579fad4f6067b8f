//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// testTroubles has what keeps a service from starting, or a change from being rolled out: a person
// reads the reason in the service's status, and a tool that waits for Ready does not go on.
func testTroubles(t *testing.T) {
	t.Run("an image that is not there", testImageTypo)
	t.Run("a quota without room for a new gateway", testQuotaWithoutSurge)
	t.Run("a quota that wants limits", testQuotaOfLimits)
	t.Run("no node for gateways", testUnschedulable)
	t.Run("a missing Secret", testMissingSecret)
	t.Run("a NATS that is not there", testUnreachableNATS)
}

// condition is one of a service of the newest generation.
func (s *service) condition(kind string) (status, reason, message string, err error) {
	s.t.Helper()
	var svc struct {
		Metadata struct{ Generation int64 }
		Status   struct {
			Conditions []struct {
				Type, Status, Reason, Message string
				ObservedGeneration            int64
			}
		}
	}
	if err := json.Unmarshal([]byte(s.kubectl("get", "rts/"+s.name, "--output=json")), &svc); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range svc.Status.Conditions {
		if c.Type == kind && c.ObservedGeneration == svc.Metadata.Generation {
			return c.Status, c.Reason, c.Message, nil
		}
	}
	return "", "", "", errors.New("there is no condition " + kind + " of this generation")
}

// awaitCondition waits until a condition has a status, a reason and a part of its message.
func (s *service) awaitCondition(kind, status, reason, part string) {
	s.t.Helper()
	eventually(s.t, 2*time.Minute, kind+" is "+reason, func() error {
		gotStatus, gotReason, message, err := s.condition(kind)
		if err != nil {
			return err
		}
		if gotStatus != status || gotReason != reason || !strings.Contains(message, part) {
			return fmt.Errorf("%s is %s %s: %s", kind, gotStatus, gotReason, message)
		}
		return nil
	})
}

// mustNotBeReady fails if a tool that waits for Ready goes on.
func (s *service) mustNotBeReady() {
	s.t.Helper()
	args := []string{"--namespace", s.namespace, "wait", "rts/" + s.name, "--for=condition=Ready", "--timeout=5s"}
	if output, err := tryKubectl(s.t, "", args...); err == nil {
		s.t.Errorf("kubectl wait goes on: %s", output)
	}
}

// warnings are the notes of the events that warn of a reason, and how often each was repeated.
func (s *service) warnings(reason string) []string {
	s.t.Helper()
	output := s.kubectl("get", "events.events.k8s.io", "--field-selector=type=Warning,reason="+reason+",regarding.kind=RealtimeService",
		"--output=jsonpath={range .items[*]}{.note}{\"\\n\"}{end}")
	return strings.Split(strings.TrimSpace(output), "\n")
}

const small = "apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: chat}\nspec: {namespaces: [{name: /}]}\n"

func (s *service) create(manifest string) *service {
	s.t.Helper()
	s.name = strings.TrimPrefix(s.apply(manifest, "--output=name"), "realtimeservice.realtime-operator.io/")
	return s
}

func testImageTypo(t *testing.T) {
	s := apply(t, newNamespace(t, "typo"), small)
	s.apply(edit(t, small, map[string]any{"spec.gateway.image": "realtime.invalid/gateway:typo"}))
	s.mustNotBeReady()
	const cannot = `image "realtime.invalid/gateway:typo" cannot be pulled`
	s.awaitCondition("Progressing", "False", "ImagePullBackOff", cannot)
	s.awaitCondition("Ready", "False", "ImagePullBackOff", cannot)
	s.awaitCondition("GatewaysAvailable", "True", "Available", "1 of 1 gateways are ready")
	eventually(t, time.Minute, "an event tells it", func() error {
		return want("events", len(s.warnings("ImagePullBackOff")), 1)
	})
	t.Log(s.kubectl("get", "rts", "--output=wide"))

	s.apply(small)
	s.kubectl("wait", "rts/chat", "--for=condition=Ready", "--timeout=60s")
	s.awaitCondition("Progressing", "True", "RolledOut", "")
}

// There is room for NATS and one gateway, and a rollout takes one more.
func testQuotaWithoutSurge(t *testing.T) {
	s := apply(t, newNamespace(t, "surge"), small)
	s.kubectl("create", "quota", "two", "--hard=pods=2")
	eventually(t, time.Minute, "the quota counts", func() error {
		return want("used pods", s.kubectl("get", "quota/two", "--output=jsonpath={.status.used.pods}"), "2")
	})
	s.apply(edit(t, small, map[string]any{"spec.gateway.podAnnotations": map[string]any{"example.com/change": "yes"}}))
	s.mustNotBeReady()
	s.awaitCondition("Ready", "False", "QuotaExceeded", "exceeded quota: two")
	s.awaitCondition("GatewaysAvailable", "True", "Available", "1 of 1 gateways are ready")

	s.kubectl("delete", "quota/two")
	s.kubectl("wait", "rts/chat", "--for=condition=Ready", "--timeout=3m")
}

// Only the events of a StatefulSet tell of a pod that was refused.
func testQuotaOfLimits(t *testing.T) {
	namespace := newNamespace(t, "limits")
	kubectl(t, "--namespace", namespace, "create", "quota", "strict", "--hard=limits.cpu=10,limits.memory=10Gi")
	s := (&service{t: t, namespace: namespace}).create(small)
	s.awaitCondition("NATSAvailable", "False", "QuotaExceeded", "must specify limits.cpu")
	s.awaitCondition("Ready", "False", "QuotaExceeded", "must specify limits.cpu")
}

func testUnschedulable(t *testing.T) {
	s := (&service{t: t, namespace: newNamespace(t, "nowhere")}).create(
		edit(t, small, map[string]any{"spec.gateway.nodeSelector": map[string]any{"example.com/disk": "golden"}}))
	s.awaitCondition("Progressing", "False", "Unschedulable", "didn't match Pod's node affinity/selector")
	s.awaitCondition("Ready", "False", "Unschedulable", "")
	s.awaitCondition("GatewaysAvailable", "False", "Unschedulable", "0 of 1 gateways are ready")
}

func testMissingSecret(t *testing.T) {
	s := (&service{t: t, namespace: newNamespace(t, "secretless")}).create(
		edit(t, small, map[string]any{"spec.api": map[string]any{"tokenSecretRef": map[string]any{"name": "programs"}}}))
	s.awaitCondition("ResolvedRefs", "False", "SecretMissing", "Secret programs, which spec.api.tokenSecretRef names, does not exist")
	s.mustNotBeReady()
	s.awaitCondition("GatewaysAvailable", "True", "Available", "")
	s.kubectl("create", "secret", "generic", "programs", "--from-literal=token=letmein")
	s.kubectl("wait", "rts/chat", "--for=condition=Ready", "--timeout=60s")
}

func testUnreachableNATS(t *testing.T) {
	s := (&service{t: t, namespace: newNamespace(t, "unreachable")}).create(
		edit(t, small, map[string]any{"spec.nats": map[string]any{"urls": []any{"nats://nats.elsewhere.svc:4222"}}}))
	s.awaitCondition("NATSAvailable", "False", "NATSUnreachable", "check spec.nats.urls")
	s.awaitCondition("Ready", "False", "NATSUnreachable", "")
	eventually(t, time.Minute, "the gateway's log says it", func() error {
		log := s.kubectl("logs", "--selector=app.kubernetes.io/component=gateway", "--tail=50")
		if !strings.Contains(log, "cannot connect to NATS yet") {
			return errors.New(log)
		}
		return nil
	})
}
