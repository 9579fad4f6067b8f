// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"fmt"

	"github.com/spf13/cobra"
)

// DoctorOptions are what a person tells the doctor about a service.
type DoctorOptions struct {
	// URL is where clients connect.
	URL string
	// Namespace is that of Socket.IO, and Auth the auth payload for it, a JSON object; empty: none.
	Namespace, Auth string
	// Origin is the origin of the page whose clients connect; empty: none.
	Origin string
	// Insecure accepts any certificate.
	Insecure bool
	JSON     bool
}

func doctorCommand(p *plugin) *cobra.Command {
	o := DoctorOptions{}
	cmd := &cobra.Command{
		Use:   "doctor [URL]",
		Short: "Examine a service from here, as its clients see it",
		Long: "Examine what is between this machine and a service, as realtime doctor does, at the URL of the service's status.\n" +
			"realtime doctor has more flags. The exit code is 1 if something does not get through.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.JSON = p.output == "json"
			if len(args) == 1 {
				o.URL = args[0]
				return p.Doctor(cmd.Context(), p.out, o)
			}
			c, err := p.connect()
			if err != nil {
				return err
			}
			svc, err := c.find(cmd.Context(), p.service)
			if err != nil {
				return err
			}
			if svc.Status.URL == "" {
				return fmt.Errorf("the status of %s has no URL, since it has no spec.exposure or its route is not ready: name a URL", svc.Name)
			}
			o.URL = svc.Status.URL
			return p.Doctor(cmd.Context(), p.out, o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Namespace, "of", "/", "Socket.IO namespace to connect to")
	f.StringVar(&o.Auth, "auth", "", "auth payload for it, a JSON object")
	f.StringVar(&o.Origin, "origin", "", "origin of the page whose clients connect, such as https://app.example.com")
	f.BoolVar(&o.Insecure, "insecure", false, "accept any certificate")
	return cmd
}
