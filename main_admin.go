// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/gateway/admin"
)

// adminCommand is what `kubectl rts` runs in a gateway's container.
func adminCommand() *cobra.Command {
	var address string
	var untilEOF bool
	cmd := &cobra.Command{
		Use:    "admin METHOD PATH",
		Short:  "Ask the gateway in this container, for kubectl rts",
		Hidden: true,
		Args:   cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if untilEOF {
				go func() {
					defer cancel()
					_, _ = io.Copy(io.Discard, cmd.InOrStdin()) // either way, nobody is there any more
				}()
			}
			return admin.Ask(ctx, address, args[0], args[1], cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&address, "socket", gatewayadmin.Socket, "Unix socket of the gateway")
	cmd.Flags().BoolVar(&untilEOF, strings.TrimPrefix(gatewayadmin.UntilEOF, "--"), false, "end when the standard input does")
	return cmd
}
