// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// Problem is why something is not as wanted. The zero value is none.
type Problem struct {
	// Reason is one of the constants of this package.
	Reason string
	// Message is for people. It is the same as long as the problem is: it has no names of pods that
	// are made again, and no times.
	Message string
}

// terminationLimit bounds what is quoted of a container that has ended.
const terminationLimit = 300

// OfPod returns what keeps a pod from starting, as far as its status says; none for one that starts
// or is ready.
func OfPod(pod *corev1.Pod) Problem {
	if !pod.DeletionTimestamp.IsZero() {
		return Problem{}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return Problem{ReasonUnschedulable, "no node for a pod: " + c.Message}
		}
	}
	for _, containers := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range containers {
			if problem := ofContainer(&containers[i]); problem.Reason != "" {
				return problem
			}
		}
	}
	return Problem{}
}

// ofContainer returns what keeps a container from running. A kubelet alternates between an error
// and the pause before the next attempt, which are one problem.
func ofContainer(c *corev1.ContainerStatus) Problem {
	reason, message := "", ""
	if c.State.Waiting != nil {
		reason, message = c.State.Waiting.Reason, c.State.Waiting.Message
	}
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError", "RegistryUnavailable":
		return Problem{ReasonImagePullBackOff, fmt.Sprintf("image %q cannot be pulled%s", c.Image, because(pullError(message)))}
	case "CreateContainerConfigError":
		return Problem{ReasonContainerConfig, fmt.Sprintf("container %s cannot be created%s", c.Name, because(message))}
	case "CreateContainerError", "RunContainerError", "PostStartHookError":
		return Problem{ReasonContainerError, fmt.Sprintf("container %s cannot be started%s", c.Name, because(message))}
	}
	if c.Ready || c.RestartCount == 0 {
		return Problem{}
	}
	last := c.LastTerminationState.Terminated
	if c.State.Terminated != nil {
		last = c.State.Terminated
	}
	if last == nil || last.ExitCode == 0 && reason != "CrashLoopBackOff" {
		return Problem{}
	}
	return Problem{ReasonCrashLoopBackOff, fmt.Sprintf("container %s ends again and again, with %s (exit code %d)%s",
		c.Name, last.Reason, last.ExitCode, because(Shortened(lastLine(last.Message), terminationLimit)))}
}

// backOff is what a kubelet puts before the reason why an image could not be pulled.
var backOff = regexp.MustCompile(`^Back-off pulling image "[^"]*"(: ErrImagePull: )?`)

func pullError(message string) string { return backOff.ReplaceAllString(message, "") }

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// lastLine returns the last line that has something in it.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}

// OfDeployment returns why a Deployment has no newest ReplicaSet, such as a quota of these.
func OfDeployment(d *appsv1.Deployment) Problem {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ReplicaSetCreateError" {
			return refusal(c.Message)
		}
	}
	return Problem{}
}

// OfReplicaSet returns why pods of a ReplicaSet are not made.
func OfReplicaSet(set *appsv1.ReplicaSet) Problem {
	for _, c := range set.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			return refusal(c.Message)
		}
	}
	return Problem{}
}

// pods is the name of a pod that was to be made, which is another one at each attempt.
var pods = regexp.MustCompile(`^(.* failed error: )?pods "[^"]*" is forbidden: `)

// refusal is why the API server has refused a pod.
func refusal(message string) Problem {
	message = pods.ReplaceAllString(message, "")
	if strings.Contains(message, "exceeded quota:") || strings.Contains(message, "failed quota:") {
		return Problem{ReasonQuotaExceeded, "the namespace's quota refuses a pod: " + message}
	}
	return Problem{ReasonPodRefused, "the API server refuses a pod: " + message}
}

// OfEvent returns the problem that the newest event of an object tells; none if that is not a
// warning.
func OfEvent(kind, reason, note string) Problem {
	if kind != corev1.EventTypeWarning {
		return Problem{}
	}
	note = strings.TrimPrefix(note, "(combined from similar events): ")
	switch reason {
	case "FailedMount", "FailedAttachVolume":
		return Problem{ReasonFailedMount, "a volume cannot be mounted: " + note}
	case "Unhealthy":
		return Problem{ReasonProbeFailing, "a pod runs and is not ready: " + note}
	case "FailedCreate":
		return refusal(note)
	case "FailedScheduling":
		return Problem{ReasonUnschedulable, "no node for a pod: " + note}
	}
	return Problem{ReasonPodNotStarting, reason + ": " + note}
}

// OfClaim returns why a claim has no volume, from the claim and its newest event.
func OfClaim(claim *corev1.PersistentVolumeClaim, note string) Problem {
	if claim.Status.Phase == corev1.ClaimBound || claim.Status.Phase == "" && note == "" {
		return Problem{}
	}
	return Problem{ReasonVolumePending, fmt.Sprintf("PersistentVolumeClaim %s has no volume%s", claim.Name, because(note))}
}
