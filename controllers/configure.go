// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// The pace of bringing a configuration to gateways: at first as fast as a person waits for it, then slower, for
// gateways that cannot be reached or will not have it.
const (
	askPace    = 500 * time.Millisecond
	touchPace  = time.Second
	touchLimit = time.Minute
	// steadyJitter keeps services from being looked at all together.
	steadyJitter = 0.2
)

// configure makes kubelets look at the ConfigMap where gateways do not run it yet, and says when to look again.
//
// On its own a kubelet looks once a minute; it looks at once when the pod changes. It may then not have heard of the new
// ConfigMap itself, so a pod is touched again until its gateway reports the new revision.
func (r *Reconciler) configure(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) time.Duration {
	remembered := r.memory.of(keyOf(svc))
	if seen.revision == "" {
		return wait.Jitter(steadyInterval, steadyJitter)
	}
	lagging := seen.lagging()
	if len(lagging) == 0 {
		if n := len(seen.ready()); n > 0 && remembered.pushing == seen.revision {
			r.event(svc, nil, corev1.EventTypeNormal, reasonConfigured, "Configure", "configuration %s is in force on %d gateways", seen.revision, n)
		}
		remembered.pushing = ""
		return wait.Jitter(steadyInterval, steadyJitter)
	}

	now := r.Now()
	if remembered.pushing != seen.revision {
		remembered.pushing, remembered.pushingSince = seen.revision, now
	}
	pushedFor := now.Sub(remembered.pushingSince)
	for _, g := range lagging {
		if !touchDue(g.pod, seen.revision, now, within(pushedFor/4, touchPace, touchLimit)) {
			continue
		}
		if err := r.touch(ctx, g.pod, seen.revision, now); err != nil {
			// The next look, which is soon, tries again.
			log.FromContext(ctx).Error(err, "cannot hurry a gateway's configuration", "pod", g.pod.Name)
		}
	}
	return within(pushedFor/10, askPace, steadyInterval)
}

func within(d, least, most time.Duration) time.Duration { return min(max(d, least), most) }

// touchDue is true if a pod has not been touched for the revision yet, or not for some time. Its annotation tells, so that
// the operator may be restarted in between.
func touchDue(pod *corev1.Pod, revision string, now time.Time, pace time.Duration) bool {
	touched, at, _ := strings.Cut(pod.Annotations[resources.AnnotationConfigHash], "@")
	if touched != revision {
		return true
	}
	last, err := time.Parse(time.RFC3339Nano, at)
	return err != nil || now.Sub(last) >= pace
}

// touch changes the pod's annotation, to the revision and the time.
func (r *Reconciler) touch(ctx context.Context, pod *corev1.Pod, revision string, now time.Time) error {
	value := revision + "@" + now.UTC().Format(time.RFC3339Nano)
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]string{resources.AnnotationConfigHash: value},
	}})
	if err != nil {
		return fmt.Errorf("write a patch: %w", err)
	}
	err = r.Client.Patch(ctx, pod, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(v1alpha1.FieldManager))
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("annotate pod %s: %w", pod.Name, err)
	}
	return nil
}
