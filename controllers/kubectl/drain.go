// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// pollEvery is how often a gateway that leaves is looked at.
const pollEvery = 2 * time.Second

func drainCommand(p *plugin) *cobra.Command {
	var wait, dryRun bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "drain GATEWAY",
		Short: "Have a gateway send its clients to others, and be replaced",
		Long: "Evict a gateway's pod, as kubectl drain does for all pods of a node: the service's PodDisruptionBudget is kept,\n" +
			"the gateway sends its clients away at the service's rate, and the Deployment starts another one.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, err := p.connect()
			if err != nil {
				return err
			}
			pod, err := c.gatewayNamed(ctx, args[0])
			if err != nil {
				return err
			}
			if err := c.need(ctx, mayEvict); err != nil {
				return err
			}
			if err := c.evict(ctx, pod, dryRun); err != nil {
				return err
			}
			if wait && !dryRun {
				if err := p.await(ctx, c, pod, timeout); err != nil {
					return err
				}
			}
			return p.print(map[string]any{"ok": true, "gateway": pod.Name, "dryRun": dryRun}, func(w io.Writer) {
				if dryRun {
					row(w, pod.Name+" may be drained")
					return
				}
				row(w, pod.Name+" drained")
			})
		},
	}
	f := cmd.Flags()
	f.BoolVar(&wait, "wait", true, "wait until the gateway is gone")
	f.BoolVar(&dryRun, "dry-run", false, "only ask whether the gateway may be evicted now")
	f.DurationVar(&timeout, "timeout", 10*time.Minute, "how long to wait")
	return cmd
}

// gatewayNamed returns the pod of a name if it is a gateway's.
func (c *cluster) gatewayNamed(ctx context.Context, name string) (*corev1.Pod, error) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "pods/"), "pod/")
	pod, err := c.set.CoreV1().Pods(c.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, c.explain(err, "get the gateway "+name)
	}
	if !isGateway(pod) {
		return nil, fmt.Errorf("the pod %s is no gateway: kubectl rts status lists them", name)
	}
	return pod, nil
}

func isGateway(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container }) &&
		pod.Labels[v1alpha1.LabelService] != "" && pod.Labels[v1alpha1.LabelComponent] == container
}

func (c *cluster) evict(ctx context.Context, pod *corev1.Pod, dryRun bool) error {
	eviction := &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}}
	eviction.DeleteOptions = &metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &pod.UID}}
	if dryRun {
		eviction.DeleteOptions.DryRun = []string{metav1.DryRunAll}
	}
	err := c.set.CoreV1().Pods(pod.Namespace).EvictV1(ctx, eviction)
	switch {
	case apierrors.IsTooManyRequests(err):
		return fmt.Errorf("%s may not leave now, since the PodDisruptionBudget wants others to be ready first: %w", pod.Name, err)
	case err != nil:
		return c.explain(err, "evict "+pod.Name)
	}
	return nil
}

// await waits until a pod is gone, and tells how many clients it still has.
func (p *plugin) await(ctx context.Context, c *cluster, pod *corev1.Pod, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, told := c.reader(ctx), int64(-1)
	for {
		now, err := c.set.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && now.UID != pod.UID {
			return nil
		}
		if err == nil {
			if status, e := r.gatewayStatus(ctx, now); e == nil && status != nil && status.Connections != told {
				told = status.Connections
				_, _ = fmt.Fprintf(p.errOut, "%s has %d clients\n", pod.Name, told)
			}
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
			return fmt.Errorf("%s has not gone yet: %w", pod.Name, ctx.Err())
		}
	}
}
