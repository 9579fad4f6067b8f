// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// everySetting has each setting of a pod, with values that the API server judges in a pod template.
const everySetting = `
spec:
  gateway:
    imagePullSecrets: [{name: pull}]
    nodeSelector: {pool: edge}
    tolerations: [{key: edge, operator: Exists}, {operator: Exists, effect: NoExecute, tolerationSeconds: 5}]
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: disk, operator: In, values: [ssd]}]}]}
        preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, preference: {matchExpressions: [{key: cores, operator: Gt, values: ["3"]}]}}]
      podAntiAffinity:
        preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {a: b}}}}]
    topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, minDomains: 2}]
    priorityClassName: high
    podLabels: {team: chat}
    podAnnotations: {example.com/note: kept}
    resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {cpu: "1", memory: 128Mi}}
    env:
    - {name: GODEBUG, value: http2debug=1}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: proxy, key: password, optional: true}}}
    - {name: LEVEL, valueFrom: {configMapKeyRef: {name: levels, key: gateway, optional: true}}}
    - {name: GOMAXPROCS, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
  nats:
    managed:
      image: mirror/nats:1
`

func TestAPIServerTakesEverySettingOfPods(t *testing.T) {
	c, namespace := useCluster(t)
	svc := parse(t, namespace, everySetting+"  namespaces: [{name: /}]\n")
	gateway := svc.Object["spec"].(map[string]any)["gateway"].(map[string]any)
	managed := svc.Object["spec"].(map[string]any)["nats"].(map[string]any)["managed"].(map[string]any)
	for name, value := range gateway {
		if name != "env" {
			managed[name] = value
		}
	}
	if err := c.Create(t.Context(), svc, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		t.Fatal(err)
	}
	s := &service{t, c, namespace, "chat"}
	check := func(template *corev1.PodTemplateSpec) error {
		pod := template.Spec
		return errors.Join(
			want("the priority", pod.PriorityClassName, "high"), want("the label", template.Labels["team"], "chat"),
			want("the annotation", template.Annotations["example.com/note"], "kept"), want("the node", pod.NodeSelector["pool"], "edge"),
			want("tolerations", len(pod.Tolerations), 2), want("the spread", len(pod.TopologySpreadConstraints), 1),
			want("the weight", pod.Affinity.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution[0].Weight, 100),
			want("the limit", pod.Containers[0].Resources.Limits.Memory().String(), "128Mi"), want("the pull secret", pod.ImagePullSecrets[0].Name, "pull"),
		)
	}
	await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error {
		return errors.Join(check(&set.Spec.Template), want("the image", set.Spec.Template.Spec.Containers[0].Image, "mirror/nats:1"))
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return errors.Join(check(&d.Spec.Template), want("variables", len(d.Spec.Template.Spec.Containers[0].Env), 8))
	})

	// What the manifest no longer says is gone.
	s.edit(func(spec *v1alpha1.RealtimeServiceSpec) {
		spec.NATS, spec.Gateway.PodSettings, spec.Gateway.Env = nil, v1alpha1.PodSettings{}, nil
	})
	plain := func(template *corev1.PodTemplateSpec, image string) error {
		pod := template.Spec
		return errors.Join(
			want("the priority", pod.PriorityClassName, ""), want("the label", template.Labels["team"], ""), want("affinity", pod.Affinity == nil, true),
			want("tolerations", len(pod.Tolerations), 0), want("nodes", len(pod.NodeSelector), 0), want("the image", pod.Containers[0].Image, image),
		)
	}
	await(s, "chat-nats", &appsv1.StatefulSet{}, func(set *appsv1.StatefulSet) error {
		return errors.Join(plain(&set.Spec.Template, "nats:test"), want("the spread", len(set.Spec.Template.Spec.TopologySpreadConstraints), 0))
	})
	await(s, "chat-gateway", &appsv1.Deployment{}, func(d *appsv1.Deployment) error {
		return errors.Join(plain(&d.Spec.Template, "gateway:test"), want("variables", len(d.Spec.Template.Spec.Containers[0].Env), 3))
	})
}
