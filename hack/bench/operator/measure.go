// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const (
	// namespace has all services: what an operator looks for among all objects of a namespace costs
	// most there.
	namespace = "default"
	// patience is how long the operator may take for anything.
	patience = 20 * time.Minute
	// settling is how long nothing is measured after all are ready: what was written late is read
	// again meanwhile, and events are sent.
	settling = 30 * time.Second
	// createdAtOnce is how many services are created at the same time.
	createdAtOnce = 16
)

// figures are what was measured with one number of services.
type figures struct {
	services int
	// ready is the time from the first service until all are ready.
	ready      time.Duration
	readyCalls calls
	// rest is how long nothing happened, and what the operator has done all the same.
	rest                time.Duration
	restCalls           calls
	restCPU             time.Duration
	restAsked           int64
	memory, most        float64
	changes             int
	changed             []time.Duration
	changeCalls         calls
	restart             time.Duration
	restartCalls        calls
	restartNow, restMax float64
}

func measure(ctx context.Context, s settings, services int) (f figures, err error) {
	dir, err := os.MkdirTemp("", "operator")
	if err != nil {
		return f, fmt.Errorf("make a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	c, err := startCluster(dir)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, c.environment.Stop()) }()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g := &gateways{all: map[string]*gatewayOf{}}
	defer g.stop()
	if err := startPods(ctx, c, g); err != nil {
		return f, err
	}
	program, err := filepath.Abs(s.program)
	if err != nil {
		return f, fmt.Errorf("find %s: %w", s.program, err)
	}
	m := &measurement{cluster: c, settings: s, gateways: g, program: program, figures: figures{services: services, rest: s.rest}}
	if m.process, err = startOperator(program, c); err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, m.process.stop()) }()
	for _, step := range []func(context.Context) error{m.makeReady, m.watchRest, m.change, m.startAgain} {
		if err := step(ctx); err != nil {
			return f, err
		}
	}
	return m.figures, nil
}

// measurement is a measurement with one number of services.
type measurement struct {
	*cluster
	settings settings
	gateways *gateways
	program  string
	process  *process
	figures
}

// makeReady creates the services and waits until all are ready.
func (m *measurement) makeReady(ctx context.Context) error {
	began := time.Now()
	var group errgroup.Group
	group.SetLimit(createdAtOnce)
	for n := range m.services {
		group.Go(func() error { return m.Create(ctx, service(n)) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("create services: %w", err)
	}
	if err := m.awaitAll(ctx); err != nil {
		return err
	}
	m.ready = time.Since(began)
	position, err := m.audit.position()
	if err != nil {
		return err
	}
	m.readyCalls, err = m.audit.between(0, position, "")
	return err
}

// service is one with a NATS of its own and two gateways.
func service(n int) *v1alpha1.RealtimeService {
	svc := &v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name(n)}}
	svc.Spec.Gateway.Replicas = ptr.To[int32](2)
	svc.Spec.Recovery = &v1alpha1.RecoverySpec{}
	svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/"}}
	return svc
}

func name(n int) string { return fmt.Sprintf("service-%05d", n) }

func isReady(svc *v1alpha1.RealtimeService) bool {
	c := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionReady)
	return c != nil && c.Status == metav1.ConditionTrue && c.ObservedGeneration == svc.Generation
}

func (m *measurement) awaitAll(ctx context.Context) error {
	return await(ctx, "all services are ready", patience, func() (bool, error) {
		var all v1alpha1.RealtimeServiceList
		if err := m.List(ctx, &all, client.InNamespace(namespace)); err != nil {
			return false, fmt.Errorf("list the services: %w", err)
		}
		for i := range all.Items {
			if !isReady(&all.Items[i]) {
				return false, pause(ctx, 500*time.Millisecond) // a list of many takes its time
			}
		}
		return true, nil
	})
}

// watchRest watches the operator while nothing happens.
func (m *measurement) watchRest(ctx context.Context) error {
	if err := pause(ctx, settling); err != nil {
		return err
	}
	from, err := m.audit.position()
	if err != nil {
		return err
	}
	asked := m.gateways.asked()
	before, err := m.process.cpu()
	if err != nil {
		return err
	}
	if err := pause(ctx, m.rest); err != nil {
		return err
	}
	after, err := m.process.cpu()
	if err != nil {
		return err
	}
	m.restCPU, m.restAsked = after-before, m.gateways.asked()-asked
	if m.memory, m.most, err = m.process.memory(); err != nil {
		return err
	}
	to, err := m.audit.position()
	if err != nil {
		return err
	}
	m.restCalls, err = m.audit.between(from, to, "")
	return err
}

// change gives some services other rules, which their gateways must get, one after another.
func (m *measurement) change(ctx context.Context) error {
	m.changes, m.changeCalls = min(m.settings.changes, m.services), calls{}
	for n := range m.changes {
		took, counted, err := m.changeOne(ctx, n*(m.services/m.changes))
		if err != nil {
			return err
		}
		m.changed = append(m.changed, took)
		for name, n := range counted {
			m.changeCalls[name] += n
		}
	}
	slices.Sort(m.changed)
	return nil
}

func (m *measurement) changeOne(ctx context.Context, n int) (time.Duration, calls, error) {
	from, err := m.audit.position()
	if err != nil {
		return 0, nil, err
	}
	svc := service(n)
	patch := client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"namespaces":[{"name":"/"},{"name":"/more"}]}}`))
	began := time.Now()
	if err := m.Patch(ctx, svc, patch); err != nil {
		return 0, nil, fmt.Errorf("change a service: %w", err)
	}
	err = await(ctx, "a change is in force", patience, func() (bool, error) {
		if err := m.Get(ctx, client.ObjectKeyFromObject(svc), svc); err != nil {
			return false, fmt.Errorf("read a service: %w", err)
		}
		configured := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionConfigured)
		return isReady(svc) && configured != nil && configured.Status == metav1.ConditionTrue && configured.ObservedGeneration == svc.Generation, nil
	})
	took := time.Since(began)
	if err != nil {
		return 0, nil, err
	}
	if err := pause(ctx, time.Second); err != nil { // for what follows
		return 0, nil, err
	}
	to, err := m.audit.position()
	if err != nil {
		return 0, nil, err
	}
	counted, err := m.audit.between(from, to, svc.Name)
	return took, counted, err
}

// startAgain replaces the operator, and waits until the next one has looked at all services.
func (m *measurement) startAgain(ctx context.Context) error {
	if err := m.process.stop(); err != nil {
		return err
	}
	from, err := m.audit.position()
	if err != nil {
		return err
	}
	asked := m.gateways.asked()
	began := time.Now()
	if m.process, err = startOperator(m.program, m.cluster); err != nil {
		return err
	}
	all := int64(2 * m.services)
	if err := await(ctx, "all gateways are asked", patience, func() (bool, error) { return m.gateways.asked()-asked >= all, nil }); err != nil {
		return err
	}
	m.restart = time.Since(began)
	if err := pause(ctx, settling/3); err != nil {
		return err
	}
	to, err := m.audit.position()
	if err != nil {
		return err
	}
	if m.restartNow, m.restMax, err = m.process.memory(); err != nil {
		return err
	}
	m.restartCalls, err = m.audit.between(from, to, "")
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
