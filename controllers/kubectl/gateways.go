// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
)

// atOnce is how many gateways are asked at the same time.
const atOnce = 16

// opsPort is the port of gateways for Kubernetes and Prometheus.
const opsPort = "9090"

// answer is what one gateway has answered.
type answer[T any] struct {
	pod  *corev1.Pod
	body T
	err  error
}

// each asks all pods, and returns their answers in the order of the pods.
func each[T any](ctx context.Context, pods []corev1.Pod, ask func(context.Context, *corev1.Pod) (T, error)) []answer[T] {
	answers := make([]answer[T], len(pods))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range pods {
		answers[i].pod = &pods[i]
		group.Go(func() error {
			answers[i].body, answers[i].err = ask(ctx, &pods[i])
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	return answers
}

// answered returns the answers of those that have answered. The others are named on the standard
// error; if all have failed, that is an error.
func answered[T any](p *plugin, answers []answer[T]) ([]answer[T], error) {
	var good []answer[T]
	var first error
	for _, a := range answers {
		if a.err == nil {
			good = append(good, a)
			continue
		}
		if first == nil {
			first = a.err
		}
	}
	if len(good) == 0 {
		return nil, first
	}
	for _, a := range answers {
		if a.err != nil {
			_, _ = fmt.Fprintln(p.errOut, "Without", a.err)
		}
	}
	return good, nil
}

// inEach asks all gateways for the same, by pods/exec.
func inEach[T any](ctx context.Context, p *plugin, c *cluster, pods []corev1.Pod, path string) ([]answer[T], error) {
	return answered(p, each(ctx, pods, func(ctx context.Context, pod *corev1.Pod) (into T, err error) {
		data, err := c.ask(ctx, pod, "GET", path, nil)
		if err == nil {
			err = decode(pod, data, &into)
		}
		return into, err
	}))
}

func decode(pod *corev1.Pod, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("gateway %s: its answer is none: %w", pod.Name, err)
	}
	return nil
}

// reader reads what gateways say on their ops port: by pods/proxy, for which the right to read
// suffices; or by pods/exec, which a NetworkPolicy does not keep out.
type reader struct {
	*cluster
	proxy, exec func() bool // whether that is allowed, asked once
}

func (c *cluster) reader(ctx context.Context) *reader {
	return &reader{
		c, sync.OnceValue(func() bool { return c.may(ctx, mayProxy) }), sync.OnceValue(func() bool { return c.may(ctx, mayExec) }),
	}
}

func (r *reader) read(ctx context.Context, pod *corev1.Pod, path string) ([]byte, error) {
	if !r.proxy() && !r.exec() {
		return nil, fmt.Errorf("gateway %s: %w", pod.Name, r.need(ctx, mayProxy))
	}
	var err error
	if r.proxy() {
		var data []byte
		if data, err = r.byProxy(ctx, pod, path); err == nil {
			return data, nil
		}
	}
	if r.exec() {
		return r.ask(ctx, pod, "GET", path, nil)
	}
	return nil, fmt.Errorf("gateway %s, through the API server: %w", pod.Name, err)
}

func (r *reader) byProxy(ctx context.Context, pod *corev1.Pod, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, proxyTimeout)
	defer cancel()
	return r.set.CoreV1().Pods(pod.Namespace).ProxyGet("http", pod.Name, opsPort, path, nil).DoRaw(ctx)
}
