// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const (
	// statusTimeout bounds the wait for a gateway's answer. It is one pod on the same network.
	statusTimeout = time.Second
	// statusAtOnce bounds how many gateways of a service are asked at the same time.
	statusAtOnce = 16
	// statusLimit bounds the answer: gateways are exposed to the internet, and are not trusted with
	// the operator's memory.
	statusLimit = 64 << 10
	// answerLasts is how long an old answer is used when there is no new one, so that a single late
	// answer has no effect.
	answerLasts = 30 * time.Second
)

// StatusFunc asks a gateway pod for its status.
type StatusFunc func(ctx context.Context, pod *corev1.Pod) (gatewaystatus.Status, error)

// StatusOverHTTP asks a gateway at its pod's address.
func StatusOverHTTP() StatusFunc {
	httpClient := newStatusClient()
	return func(ctx context.Context, pod *corev1.Pod) (gatewaystatus.Status, error) {
		url := "http://" + net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(resources.OpsPort)) + "/status"
		return fetchStatus(ctx, httpClient, url)
	}
}

// newStatusClient returns a client that uses no proxy, and follows no redirect.
func newStatusClient() *http.Client {
	return &http.Client{
		// There may be thousands of connections, on which little is said.
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: 3 * steadyInterval, ReadBufferSize: 1 << 10, WriteBufferSize: 512},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func fetchStatus(ctx context.Context, httpClient *http.Client, url string) (gatewaystatus.Status, error) {
	var status gatewaystatus.Status
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return status, fmt.Errorf("ask %s: %w", url, err)
	}
	response, err := httpClient.Do(request)
	if err != nil {
		return status, fmt.Errorf("ask a gateway: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return status, fmt.Errorf("ask %s: the answer is %s", url, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, statusLimit)).Decode(&status); err != nil {
		return status, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return status, nil
}

// answer is a status, and when it was received.
type answer struct {
	status gatewaystatus.Status
	at     time.Time
}

// gatewayPods returns all of the service's gateway pods.
func (r *Reconciler) gatewayPods(ctx context.Context, svc *v1alpha1.RealtimeService) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := r.listPods(ctx, svc, &pods, resources.GatewaySelector(svc.Name)); err != nil {
		return nil, fmt.Errorf("list the gateway pods: %w", err)
	}
	return pods.Items, nil
}

// listPods lists those of the service's pods that have some labels.
func (r *Reconciler) listPods(ctx context.Context, svc *v1alpha1.RealtimeService, pods *corev1.PodList, labels client.MatchingLabels) error {
	return r.Client.List(ctx, pods, client.InNamespace(svc.Namespace), client.MatchingFields{indexService: svc.Name}, labels)
}

// listGateways returns the service's running gateway pods, including leaving ones, which still have
// clients.
func (r *Reconciler) listGateways(ctx context.Context, svc *v1alpha1.RealtimeService) ([]status.Gateway, error) {
	pods, err := r.gatewayPods(ctx, svc)
	if err != nil {
		return nil, err
	}
	var gateways []status.Gateway
	for i := range pods {
		pod := &pods[i]
		if pod.Status.Phase == corev1.PodRunning && pod.Status.PodIP != "" {
			gateways = append(gateways, status.Gateway{Pod: pod, Ready: podReady(pod)})
		}
	}
	return gateways, nil
}

// podReady reports whether a pod is ready and not being deleted.
func podReady(pod *corev1.Pod) bool {
	if !pod.DeletionTimestamp.IsZero() {
		return false
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// ask asks all gateways at the same time. If one does not answer, its last answer is used for a
// while.
func (r *Reconciler) ask(ctx context.Context, svc *v1alpha1.RealtimeService, gateways []status.Gateway) {
	var group errgroup.Group
	group.SetLimit(statusAtOnce)
	for i := range gateways {
		group.Go(func() error {
			bounded, cancel := context.WithTimeout(ctx, statusTimeout)
			defer cancel()
			gateways[i].Status, gateways[i].Err = r.Gateway(bounded, gateways[i].Pod)
			return nil
		})
	}
	_ = group.Wait() // it returns no error: each gateway has its own

	remembered, now := r.memory.of(keyOf(svc)), r.Now()
	answers := make(map[types.UID]answer, len(gateways))
	for i := range gateways {
		g := &gateways[i]
		if g.Err == nil {
			answers[g.Pod.UID] = answer{g.Status, now}
			continue
		}
		log.FromContext(ctx).V(1).Info("a gateway does not tell its status", "pod", g.Pod.Name, "error", g.Err.Error())
		if last, ok := remembered.gateways[g.Pod.UID]; ok && now.Sub(last.at) < answerLasts {
			g.Status, g.Err = last.status, nil
			answers[g.Pod.UID] = last
		}
	}
	remembered.gateways = answers
}
