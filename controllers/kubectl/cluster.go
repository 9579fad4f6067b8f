// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// cluster is the API server, as the person who runs the plugin.
type cluster struct {
	config    *rest.Config
	namespace string
	objects   client.Client
	set       kubernetes.Interface
	run       runner
}

func (p *plugin) connect() (*cluster, error) {
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(p.rules, p.overrides)
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.UserAgent = "kubectl-rts/" + p.Release
	config.QPS, config.Burst = 50, 100 // many gateways are asked at once
	c := &cluster{config: config, run: p.run}
	if c.namespace, _, err = loader.Namespace(); err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	if c.set, err = kubernetes.NewForConfig(config); err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	if c.objects, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("connect to the API server: %w", err)
	}
	if c.run == nil {
		c.run = c.exec
	}
	return c, nil
}

// find returns the service of a name, or the only one of the namespace.
func (c *cluster) find(ctx context.Context, name string) (*v1alpha1.RealtimeService, error) {
	if name != "" {
		svc := &v1alpha1.RealtimeService{}
		if err := c.objects.Get(ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, svc); err != nil {
			return nil, c.explain(err, "get the RealtimeService "+name)
		}
		return svc, nil
	}
	list := &v1alpha1.RealtimeServiceList{}
	if err := c.objects.List(ctx, list, client.InNamespace(c.namespace)); err != nil {
		return nil, c.explain(err, "list RealtimeServices")
	}
	switch len(list.Items) {
	case 0:
		return nil, fmt.Errorf("the namespace %s has no RealtimeService: name another one by --namespace", c.namespace)
	case 1:
		return &list.Items[0], nil
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return nil, fmt.Errorf("the namespace %s has several RealtimeServices: name one by --service: %s", c.namespace, strings.Join(names, ", "))
}

// explain says what was being done when the API server returned an error.
func (c *cluster) explain(err error, what string) error {
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%s: there is none in the namespace %s", what, c.namespace)
	case meta.IsNoMatchError(err):
		return fmt.Errorf("%s: the cluster does not know RealtimeServices, since the operator is not installed", what)
	}
	return fmt.Errorf("%s in the namespace %s: %w", what, c.namespace, err)
}

// pods returns the gateways' pods that run, in the order of their names.
func (c *cluster) pods(ctx context.Context, svc *v1alpha1.RealtimeService) ([]corev1.Pod, error) {
	selector, err := labels.Parse(svc.Status.Selector)
	if err != nil || svc.Status.Selector == "" {
		return nil, fmt.Errorf("the RealtimeService %s has no gateways yet: its status names no selector", svc.Name)
	}
	list := &corev1.PodList{}
	if err := c.objects.List(ctx, list, client.InNamespace(svc.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return nil, c.explain(err, "list pods")
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items, nil
}

// gateways returns the pods of gateways that can be asked.
func (c *cluster) gateways(ctx context.Context, svc *v1alpha1.RealtimeService) ([]corev1.Pod, error) {
	pods, err := c.pods(ctx, svc)
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(pod corev1.Pod) bool { return pod.Status.Phase != corev1.PodRunning })
	if len(pods) == 0 {
		return nil, fmt.Errorf("no gateway of %s runs: kubectl rts status says why", svc.Name)
	}
	return pods, nil
}

func ready(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}
