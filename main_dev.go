// SPDX-License-Identifier: Apache-2.0

//go:build !nodev

package main

import (
	"cmp"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/gateway/dev"
)

func addDevCommands(root *cobra.Command) {
	addDevCommand(root)
	addTestCommand(root)
	addDoctorCommand(root)
	addWhyCommand(root)
}

func addDevCommand(root *cobra.Command) {
	o := dev.Options{Out: os.Stdout, Log: logger(false)}
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run a service on this machine, without a cluster",
		Long: "Run a service on this machine: gateways and a NATS server in one process, and a chat page at the root.\n" +
			"The manifest is checked as the API server would, and read again whenever it changes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Gateways < 1 {
				return fmt.Errorf("--gateways %d: at least one is needed", o.Gateways)
			}
			o.APIToken = cmp.Or(o.APIToken, os.Getenv("REALTIME_API_TOKEN"))
			return dev.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.Manifest, "filename", "f", "", "manifest with a RealtimeService (default: the chat sample)")
	f.StringVar(&o.Host, "host", "127.0.0.1", "address to listen on; 0.0.0.0 lets other machines connect")
	f.IntVar(&o.Port, "port", 3000, "port of the first gateway; the next ones follow (0: any that are free)")
	f.IntVar(&o.Gateways, "gateways", 1, "number of gateways")
	f.StringVar(&o.ClientDir, "client-dir", "", "folder with the bundles of npm's socket.io-client (default: the public CDN's)")
	f.StringVar(&o.Secrets, "secrets", "", "folder with a folder for each Secret of spec.authentication, and in it a file for each of its keys (default: there are no Secrets)")
	f.IntVar(&o.APIPort, "api-port", 8080, "port for programs that publish, if the manifest has spec.api (0: any that is free)")
	f.StringVar(&o.APIToken, "api-token", "", "token of such programs (default: $REALTIME_API_TOKEN, or a new one, which is printed)")
	root.AddCommand(cmd)
}
