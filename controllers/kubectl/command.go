// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
)

// Options configure the plugin.
type Options struct {
	// Release is that of the program.
	Release string
	// Doctor examines a service from here; nil if the program has no doctor.
	Doctor func(ctx context.Context, out io.Writer, o DoctorOptions) error
}

// plugin is what its commands share.
type plugin struct {
	Options
	rules     *clientcmd.ClientConfigLoadingRules
	overrides *clientcmd.ConfigOverrides
	// service names the RealtimeService; empty: the only one of the namespace.
	service string
	output  string
	out     io.Writer
	errOut  io.Writer
	// run runs a command in a gateway; nil: by pods/exec. Tests have no kubelet.
	run runner
}

// Command returns the command `rts`.
func Command(o Options) *cobra.Command { return newCommand(&plugin{Options: o}) }

func newCommand(p *plugin) *cobra.Command {
	p.rules, p.overrides = clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{}
	cmd := &cobra.Command{
		Use:   "rts",
		Short: "Look at RealtimeServices, and operate them (kubectl rts)",
		Long: "Look at RealtimeServices, and operate them, by your own rights in Kubernetes.\n" +
			"It is a plugin of kubectl when the program is called kubectl-rts.",
		Version:       p.Release,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl rts"},
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			p.out, p.errOut = cmd.OutOrStdout(), cmd.ErrOrStderr()
			if p.output != "" && p.output != "json" {
				return fmt.Errorf("--output %s: want json, or nothing for text", p.output)
			}
			return nil
		},
	}
	f := cmd.PersistentFlags()
	f.StringVar(&p.rules.ExplicitPath, "kubeconfig", "", "Path to the kubeconfig file to use")
	clientcmd.BindOverrideFlags(p.overrides, f, clientcmd.RecommendedConfigOverrideFlags(""))
	f.StringVar(&p.service, "service", "", "name of the RealtimeService (default: the only one in the namespace)")
	f.StringVarP(&p.output, "output", "o", "", "json, or nothing for text")
	cmd.AddCommand(
		statusCommand(p), topCommand(p), whoCommand(p), emitCommand(p), tailCommand(p), traceCommand(p),
		revokeCommand(p), drainCommand(p), collectCommand(p),
	)
	if p.Doctor != nil {
		cmd.AddCommand(doctorCommand(p))
	}
	return cmd
}

// place is a room of a Socket.IO namespace, or all of it.
type place struct {
	namespace, room string // room is empty for all
}

// parsePlace reads what people write for a room: /chat/lobby is the room lobby of the namespace
// /chat, lobby that of /, and /chat all of /chat. If the namespace is given apart, all of the text
// is the room.
func parsePlace(text, namespace string) (place, error) {
	switch {
	case namespace != "" && !strings.HasPrefix(namespace, "/"):
		return place{}, fmt.Errorf("--of %s: the name of a Socket.IO namespace begins with /", namespace)
	case namespace != "":
		return place{namespace, text}, nil
	case text == "":
		return place{}, errors.New("the room is empty: want NAMESPACE/ROOM, such as /chat/lobby, or lobby in the namespace /")
	case !strings.HasPrefix(text, "/"):
		return place{"/", text}, nil
	}
	name, room, _ := strings.Cut(text[1:], "/")
	return place{"/" + name, room}, nil
}

func (p place) String() string {
	if p.room == "" {
		return "the namespace " + p.namespace
	}
	return fmt.Sprintf("the room %s of %s", p.room, p.namespace)
}

// bindNamespace binds the flag for the namespace of a room.
func bindNamespace(cmd *cobra.Command, of *string) {
	cmd.Flags().StringVar(of, "of", "", "Socket.IO namespace, if the name of the room begins with / or the namespace has two (default: up to the second / of the argument)")
}
