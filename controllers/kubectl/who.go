// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
)

// operate connects for a command that asks in gateways' pods, and returns those that can be asked.
func (p *plugin) operate(ctx context.Context) (*cluster, []corev1.Pod, error) {
	c, err := p.connect()
	if err != nil {
		return nil, nil, err
	}
	svc, err := c.find(ctx, p.service)
	if err != nil {
		return nil, nil, err
	}
	pods, err := c.gateways(ctx, svc)
	if err != nil {
		return nil, nil, err
	}
	return c, pods, c.need(ctx, mayExec)
}

// memberOf is a socket, and the gateway that has it.
type memberOf struct {
	Gateway string `json:"gateway"`
	gatewayadmin.Member
}

// memberList is what `who` shows.
type memberList struct {
	Total int        `json:"total"`
	Items []memberOf `json:"items"`
}

func whoCommand(p *plugin) *cobra.Command {
	var of string
	var most int
	cmd := &cobra.Command{
		Use:     "who NAMESPACE/ROOM",
		Short:   "Who is in a room, on all gateways",
		Long:    "List the sockets in a room: /chat/lobby is the room lobby of the namespace /chat, lobby that of /, and /chat all of /chat.",
		Example: "  kubectl rts who /chat/lobby\n  kubectl rts who lobby -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := parsePlace(args[0], of)
			if err != nil {
				return err
			}
			if most < 1 || most > gatewayadmin.MaxMembers {
				return fmt.Errorf("--limit %d: want a number between 1 and %d", most, gatewayadmin.MaxMembers)
			}
			return p.who(cmd.Context(), place, most)
		},
	}
	bindNamespace(cmd, &of)
	cmd.Flags().IntVar(&most, "limit", 1000, "how many sockets are listed of each gateway")
	return cmd
}

func (p *plugin) who(ctx context.Context, of place, most int) error {
	c, pods, err := p.operate(ctx)
	if err != nil {
		return err
	}
	query := url.Values{"namespace": {of.namespace}, "limit": {strconv.Itoa(most)}}
	if of.room != "" {
		query.Set("room", of.room)
	}
	answers, err := inEach[gatewayadmin.Members](ctx, p, c, pods, gatewayadmin.PathWho+"?"+query.Encode())
	if err != nil {
		return err
	}
	list := memberList{Items: []memberOf{}}
	for _, a := range answers {
		list.Total += a.body.Total
		for _, m := range a.body.Members {
			list.Items = append(list.Items, memberOf{a.pod.Name, m})
		}
	}
	now := time.Now()
	return p.print(list, func(w io.Writer) {
		row(w, "USER", "ENTRY", "SOCKET", "TRANSPORT", "ADDRESS", "AGE", "ROOMS", "GATEWAY")
		for _, m := range list.Items {
			row(w, or(m.User), or(m.Entry), m.Socket, m.Transport, m.Address, age(m.Since, now), m.Rooms, m.Gateway)
		}
		row(w, fmt.Sprintf("%d sockets are in %s; %d are listed.", list.Total, of, len(list.Items)))
	})
}
