// SPDX-License-Identifier: Apache-2.0

//go:build !operator || nodev

package main

import (
	"errors"

	"github.com/spf13/cobra"
)

var errNoPlugin = errors.New("this program was built without the plugin of kubectl, which needs Kubernetes' libraries " +
	"(docs/decisions/0043): build one that has it with `make build` or `go build -tags operator .`")

// rtsCommand says how to get the plugin. The image has none: its gateways are exposed to the
// internet, and talk to no API server.
func rtsCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "rts",
		Short:              "Look at RealtimeServices, and operate them (only with -tags operator)",
		DisableFlagParsing: true,
		RunE:               func(*cobra.Command, []string) error { return errNoPlugin },
	}
}
