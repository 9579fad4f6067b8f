// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
)

// gateways answer for the gateway pods, each at an address of its own on this machine. Safe for
// concurrent use.
type gateways struct {
	mu   sync.Mutex
	last uint32                // guarded by mu
	all  map[string]*gatewayOf // by pod; guarded by mu
}

// gatewayOf is a gateway as the operator sees it.
type gatewayOf struct {
	address     string
	config      atomic.Value // the Revision in force, a string
	asked       atomic.Int64
	ops, pushed http.Server
}

// start starts the gateway of a pod, unless it runs, and returns its address.
func (g *gateways) start(ctx context.Context, c *cluster, service, pod string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if running := g.all[pod]; running != nil {
		return running.address, nil
	}
	g.last++
	one := &gatewayOf{address: fmt.Sprintf("127.%d.%d.%d", 100+g.last>>16, g.last>>8&0xff, g.last&0xff)}
	if err := one.start(ctx, c, service); err != nil {
		return "", fmt.Errorf("start gateway %s: %w", pod, err)
	}
	g.all[pod] = one
	return one.address, nil
}

// start takes the configuration and the certificate that a kubelet would mount, and listens.
func (g *gatewayOf) start(ctx context.Context, c *cluster, service string) error {
	config, peers := &corev1.ConfigMap{}, &corev1.Secret{}
	if err := errors.Join(
		c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: resources.ConfigMapName(service)}, config),
		c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: resources.GatewayPeersName(service)}, peers),
	); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(peers.Data[gatewaypeers.Certificate], peers.Data[gatewaypeers.Key])
	if err != nil {
		return err
	}
	g.config.Store(gatewaystatus.Revision([]byte(config.Data[resources.ConfigKey])))
	g.ops.Handler, g.pushed.Handler = http.HandlerFunc(g.tell), http.HandlerFunc(g.take)
	ops, err := net.Listen("tcp", net.JoinHostPort(g.address, strconv.Itoa(resources.OpsPort)))
	if err != nil {
		return err
	}
	peer, err := net.Listen("tcp", net.JoinHostPort(g.address, strconv.Itoa(resources.PeerPort)))
	if err != nil {
		ops.Close()
		return err
	}
	go func() { _ = g.ops.Serve(ops) }()
	go func() {
		_ = g.pushed.Serve(tls.NewListener(peer, &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS13}))
	}()
	return nil
}

// tell answers a request for the status.
func (g *gatewayOf) tell(w http.ResponseWriter, _ *http.Request) {
	g.asked.Add(1)
	hash, _ := g.config.Load().(string)
	_ = json.NewEncoder(w).Encode(gatewaystatus.Status{ConfigHash: hash, NATS: "connected", LogReady: true, Connections: 100})
}

// take takes a configuration that is pushed.
func (g *gatewayOf) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	g.config.Store(gatewaystatus.Revision(body))
	g.tell(w, r)
}

// asked is how often gateways were asked.
func (g *gateways) asked() (n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range g.all {
		n += one.asked.Load()
	}
	return n
}

// stop ends all.
func (g *gateways) stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, one := range g.all {
		one.ops.Close()
		one.pushed.Close()
	}
}
