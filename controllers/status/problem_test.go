// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// What kubelets and schedulers of Kubernetes 1.37 say.
func TestProblemsOfPods(t *testing.T) {
	container := func(c corev1.ContainerStatus) corev1.PodStatus {
		c.Name, c.Image = "gateway", "gateway:1"
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{c}}
	}
	waits := func(reason, message string) corev1.ContainerStatus {
		return corev1.ContainerStatus{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
	}
	crashed := func(c corev1.ContainerStatus, exit int32, why, message string) corev1.ContainerStatus {
		c.RestartCount = 2
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: exit, Reason: why, Message: message}
		return c
	}
	running := corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	ready := running
	ready.Ready = true
	init := container(waits("CreateContainerConfigError", "no such key"))
	init.InitContainerStatuses, init.ContainerStatuses = init.ContainerStatuses, []corev1.ContainerStatus{waits("PodInitializing", "")}
	unschedulable := corev1.PodStatus{Conditions: []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable, Message: "0/1 nodes are available: 1 Insufficient cpu.",
	}}}
	for name, tt := range map[string]struct {
		status corev1.PodStatus
		want   Problem
	}{
		"nothing yet":    {corev1.PodStatus{}, Problem{}},
		"it is made":     {container(waits("ContainerCreating", "")), Problem{}},
		"it runs":        {container(running), Problem{}},
		"no node":        {unschedulable, Problem{ReasonUnschedulable, "no node for a pod: 0/1 nodes are available: 1 Insufficient cpu."}},
		"an image error": {container(waits("ErrImagePull", "failed to pull")), Problem{ReasonImagePullBackOff, `image "gateway:1" cannot be pulled: failed to pull`}},
		"the pause after it": {
			container(waits("ImagePullBackOff", `Back-off pulling image "gateway:1": ErrImagePull: failed to pull`)),
			Problem{ReasonImagePullBackOff, `image "gateway:1" cannot be pulled: failed to pull`},
		},
		"the pause, of older kubelets": {
			container(waits("ImagePullBackOff", `Back-off pulling image "gateway:1"`)),
			Problem{ReasonImagePullBackOff, `image "gateway:1" cannot be pulled`},
		},
		"a key that is not there": {
			container(waits("CreateContainerConfigError", `couldn't find key password in Secret ns/chat`)),
			Problem{ReasonContainerConfig, `container gateway cannot be created: couldn't find key password in Secret ns/chat`},
		},
		"an init container": {init, Problem{ReasonContainerConfig, "container gateway cannot be created: no such key"}},
		"a program that is not there": {
			container(waits("RunContainerError", "exec: no such file")),
			Problem{ReasonContainerError, "container gateway cannot be started: exec: no such file"},
		},
		"it crashes": {
			container(crashed(waits("CrashLoopBackOff", "back-off 20s restarting failed container"), 1, "Error", "first\nthe port is in use\n")),
			Problem{ReasonCrashLoopBackOff, "container gateway ends again and again, with Error (exit code 1): the port is in use"},
		},
		"it runs again":   {container(crashed(running, 137, "OOMKilled", "")), Problem{ReasonCrashLoopBackOff, "container gateway ends again and again, with OOMKilled (exit code 137)"}},
		"it has mended":   {container(crashed(ready, 1, "Error", "x")), Problem{}},
		"it ended itself": {container(crashed(running, 0, "Completed", "")), Problem{}},
	} {
		if got := OfPod(&corev1.Pod{Status: tt.status}); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	now := metav1.Now()
	leaving := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: &now}, Status: unschedulable}
	if got := OfPod(leaving); got != (Problem{}) {
		t.Errorf("one that leaves: %+v", got)
	}
	long := OfPod(&corev1.Pod{Status: container(crashed(running, 1, "Error", strings.Repeat("x", 5000)))})
	if len(long.Message) > 2*terminationLimit {
		t.Errorf("%d bytes of a log are told", len(long.Message))
	}
}

// The messages of the API server of Kubernetes 1.37.
func TestRefusalsOfPods(t *testing.T) {
	for message, want := range map[string]Problem{
		`pods "chat-gateway-5c-x2x9f" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2`: {
			ReasonQuotaExceeded, "the namespace's quota refuses a pod: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"},
		`create Pod chat-nats-0 in StatefulSet chat-nats failed error: pods "chat-nats-0" is forbidden: failed quota: q: must specify limits.cpu for: nats`: {
			ReasonQuotaExceeded, "the namespace's quota refuses a pod: failed quota: q: must specify limits.cpu for: nats"},
		`pods "chat-gateway-5c-x2x9f" is forbidden: violates PodSecurity "restricted:latest": seccompProfile`: {
			ReasonPodRefused, `the API server refuses a pod: violates PodSecurity "restricted:latest": seccompProfile`},
		`Pod "chat-nats-0" is invalid: spec.containers[0].resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of 32Mi`: {
			ReasonPodRefused, `the API server refuses a pod: Pod "chat-nats-0" is invalid: spec.containers[0].resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of 32Mi`},
	} {
		set := &appsv1.ReplicaSet{Status: appsv1.ReplicaSetStatus{Conditions: []appsv1.ReplicaSetCondition{{
			Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Message: message,
		}}}}
		if got := OfReplicaSet(set); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got := OfEvent(corev1.EventTypeWarning, "FailedCreate", message); got != want {
			t.Errorf("of an event: %+v, want %+v", got, want)
		}
		if got := OfEvent(corev1.EventTypeNormal, "SuccessfulCreate", message); got != (Problem{}) {
			t.Errorf("of an event that is no warning: %+v", got)
		}
		set.Status.Conditions[0].Status = corev1.ConditionFalse
		if got := OfReplicaSet(set); got != (Problem{}) {
			t.Errorf("when it is over: %+v", got)
		}
	}
}
