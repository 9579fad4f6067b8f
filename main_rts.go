// SPDX-License-Identifier: Apache-2.0

//go:build operator && !nodev

package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/controllers/kubectl"
	"github.com/realtime-operator/realtime-operator/gateway/doctor"
)

// rtsCommand is the plugin of kubectl.
func rtsCommand() *cobra.Command {
	return kubectl.Command(kubectl.Options{
		Release: version,
		Doctor: func(ctx context.Context, out io.Writer, o kubectl.DoctorOptions) error {
			options := doctor.Options{
				URL: o.URL, Namespace: o.Namespace, Origin: o.Origin, Insecure: o.Insecure, JSON: o.JSON, Out: out,
			}
			if o.Auth != "" {
				options.Auth = json.RawMessage(o.Auth)
			}
			return doctor.Run(ctx, options)
		},
	})
}
