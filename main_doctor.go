// SPDX-License-Identifier: Apache-2.0

//go:build !nodev

package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/gateway/doctor"
)

func addDoctorCommand(root *cobra.Command) {
	o := doctor.Options{}
	var auth, output string
	var header map[string]string
	cmd := &cobra.Command{
		Use:   "doctor URL",
		Short: "Examine a service from where its clients are",
		Long: "Do what clients do, through all that is between them and the service, and name the setting to change where\n" +
			"something does not get through. It takes a little longer than spec.protocol.pingInterval.\n" +
			"The exit code is 1 if something does not get through.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.URL, o.Out = args[0], cmd.OutOrStdout()
			if auth != "" {
				o.Auth = json.RawMessage(auth)
			}
			switch output {
			case "", "json":
				o.JSON = output == "json"
			default:
				return fmt.Errorf("--output %s: want json, or nothing for text", output)
			}
			o.Header = http.Header{}
			for name, value := range header {
				o.Header.Set(name, value)
			}
			return doctor.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ConnectTo, "connect-to", "", "host, or host and port, to connect to in place of the URL's, as long as its name does not lead there (default: the URL's)")
	f.StringVar(&o.Namespace, "namespace", "/", "namespace to connect to")
	f.StringVar(&auth, "auth", "", "auth payload for it, a JSON object; without one that it lets in, silence is examined for as long as the server keeps strangers")
	f.StringVar(&o.Origin, "origin", "", "origin of the page whose clients connect, such as https://app.example.com")
	f.StringToStringVar(&header, "header", nil, "header of each request, name=value")
	f.StringVar(&o.CAFile, "ca-file", "", "file with certificates of authorities, as PEM (default: the system's)")
	f.BoolVar(&o.Insecure, "insecure", false, "accept any certificate")
	f.DurationVar(&o.Silence, "silence", 0, "for how long connections are silent but for pings (default: one pingInterval)")
	f.StringArrayVar(&o.Metrics, "metrics", nil, "URL of a gateway's /metrics, for what it thinks of clients' addresses; once for each gateway")
	f.StringVarP(&output, "output", "o", "", "json, or nothing for text")
	root.AddCommand(cmd)
}
