// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway"
	"github.com/realtime-operator/realtime-operator/hack/bench/internal/child"
)

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: storm, namespace: default}
spec:
  protocol: {handshakes: {perSecond: %d%s}}
  namespaces: [{name: /}]
`

// serveUntil is a gateway's process: it tells its address, and ends with its input.
func serveUntil(ctx context.Context, s settings, natsURL string, input io.Reader, output io.Writer) error {
	burst := ""
	if s.burst > 0 {
		burst = fmt.Sprintf(", burst: %d", s.burst)
	}
	svc, err := manifest.Load(ctx, fmt.Appendf(nil, service, s.perSecond, burst))
	if err != nil {
		return fmt.Errorf("load the service: %w", err)
	}
	g, err := gateway.New(svc, "", gateway.Options{NATSURLs: []string{natsURL}})
	if err != nil {
		return err
	}
	return errors.Join(child.Serve(ctx, g.Handler(), input, output), g.Close())
}

func startGateway(ctx context.Context, natsURL string, perSecond, burst int) (*child.Server, error) {
	return child.Start(ctx, "-per-second", strconv.Itoa(perSecond), "-burst", strconv.Itoa(burst), roleServe, natsURL)
}
