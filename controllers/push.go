// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const (
	// pushTimeout bounds a push. A gateway compiles the configuration before it answers, which
	// takes some seconds for the largest services on a busy node.
	pushTimeout = 5 * time.Second
	// pushDialTimeout bounds the time to connect to the gateway, which a network policy may block.
	pushDialTimeout = time.Second
	// pushesAtOnce bounds how many gateways of a service are pushed to at the same time.
	pushesAtOnce = 16
)

// errNoPushes: the gateway is of a release that accepts no pushes.
var errNoPushes = status.ErrNoPushes

// Pushed is what is pushed to a gateway: a body for a path of package gatewayconfig.
type Pushed struct {
	Path, ContentType string
	Body              []byte
}

// PushFunc pushes something to a gateway pod, and returns the gateway's status after that. The
// identity is the operator's for the service. The error is errNoPushes for a gateway of an earlier
// release.
type PushFunc func(ctx context.Context, pod *corev1.Pod, identity *tls.Config, what Pushed) (gatewaystatus.Status, error)

// PushOverTLS pushes to the gateway's port for peers at its pod's address, where both present
// certificates of the service's authority.
func PushOverTLS(ctx context.Context, pod *corev1.Pod, identity *tls.Config, what Pushed) (gatewaystatus.Status, error) {
	return pushTo(ctx, net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(resources.PeerPort)), identity, what)
}

// pushTo opens a connection for one push, which is rare. It uses no proxy, and follows no redirect.
func pushTo(ctx context.Context, address string, identity *tls.Config, what Pushed) (gatewaystatus.Status, error) {
	var status gatewaystatus.Status
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, "https://"+address+what.Path, bytes.NewReader(what.Body))
	if err != nil {
		return status, fmt.Errorf("push to %s: %w", address, err)
	}
	request.Header.Set("Content-Type", what.ContentType)
	transport := &http.Transport{
		TLSClientConfig:   identity,
		DialContext:       (&net.Dialer{Timeout: pushDialTimeout}).DialContext,
		DisableKeepAlives: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return status, fmt.Errorf("push to %s: %w", address, err)
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return status, errNoPushes
	default:
		return status, fmt.Errorf("push to %s: the answer is %s", address, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, statusLimit)).Decode(&status); err != nil {
		return status, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	return status, nil
}

// pushAll pushes the same to some gateways at the same time, and stores their answers.
func (r *Reconciler) pushAll(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation, to []*status.Gateway, what Pushed) {
	r.pushEach(ctx, svc, seen, to, slices.Repeat([]Pushed{what}, len(to)))
}

// pushEach is pushAll with something else for each gateway.
func (r *Reconciler) pushEach(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation, to []*status.Gateway, what []Pushed) {
	if len(to) == 0 {
		return
	}
	identity, err := r.operatorIdentity(ctx, svc, seen)
	if err != nil {
		// The Secret could not be made, which the conditions report.
		log.FromContext(ctx).Error(err, "cannot push to gateways")
		return
	}
	errs := make([]error, len(to))
	var group errgroup.Group
	group.SetLimit(pushesAtOnce)
	for i, g := range to {
		group.Go(func() error {
			bounded, cancel := context.WithTimeout(ctx, pushTimeout)
			defer cancel()
			var status gatewaystatus.Status
			if status, errs[i] = r.Push(bounded, g.Pod, identity, what[i]); errs[i] == nil {
				g.Status, g.Err = status, nil
			}
			return nil
		})
	}
	_ = group.Wait() // it returns no error: each gateway has its own

	remembered, now := r.memory.of(keyOf(svc)), r.Now()
	for i, g := range to {
		switch err := errs[i]; {
		case err == nil:
			remembered.gateways[g.Pod.UID] = answer{g.Status, now}
		case !errors.Is(err, errNoPushes):
			log.FromContext(ctx).Info("cannot push to a gateway", "pod", g.Pod.Name, "path", what[i].Path, "error", err.Error())
		}
		if remembered.pushes == nil {
			remembered.pushes = map[pushKey]push{}
		}
		remembered.pushes[pushKey{g.Pod.UID, what[i].Path}] = push{revision: gatewaystatus.Revision(what[i].Body), at: now, err: errs[i]}
	}
}

// operatorIdentity returns the operator's identity for a service.
func (r *Reconciler) operatorIdentity(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) (*tls.Config, error) {
	if seen.peers == nil && seen.secretsKnown {
		secret, _, err := r.ownSecret(ctx, svc, resources.GatewayPeersName(svc.Name))
		if err != nil {
			return nil, err
		}
		seen.peers = secret.Data
	}
	return certificates.OperatorTLS(seen.peers)
}
