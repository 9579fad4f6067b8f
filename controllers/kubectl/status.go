// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// serviceStatus is what `status` shows.
type serviceStatus struct {
	Name        string `json:"name"`
	Namespace   string `json:"namespace"`
	URL         string `json:"url,omitempty"`
	Release     string `json:"release,omitempty"`
	Connections int64  `json:"connections"`
	// UpdateDue is what pods wait for; empty if they are up to date.
	UpdateDue  string             `json:"updateDue,omitempty"`
	Conditions []metav1.Condition `json:"conditions"`
	NATS       natsStatus         `json:"nats"`
	Gateways   []gatewayState     `json:"gateways"`
}

// natsStatus is NATS as the gateways see it.
type natsStatus struct {
	Versions []string `json:"versions"`
	// Connected are how many of the gateways that have answered are connected.
	Connected int `json:"connected"`
	Answered  int `json:"answered"`
}

// gatewayState is one gateway. Error is why it has not answered; the fields of Status are then
// empty.
type gatewayState struct {
	Name     string                `json:"name"`
	Node     string                `json:"node"`
	Image    string                `json:"image"`
	Phase    string                `json:"phase"`
	Ready    bool                  `json:"ready"`
	Restarts int32                 `json:"restarts"`
	Started  time.Time             `json:"started,omitzero"`
	Status   *gatewaystatus.Status `json:"status,omitempty"`
	Error    string                `json:"error,omitempty"`
}

func statusCommand(p *plugin) *cobra.Command {
	return &cobra.Command{
		Use:   "status [SERVICE]",
		Short: "One service on one screen: conditions, gateways, NATS, updates that are due",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			c, err := p.connect()
			if err != nil {
				return err
			}
			svc, err := c.find(ctx, cmp.Or(append(args, p.service)...))
			if err != nil {
				return err
			}
			s, err := c.status(ctx, svc)
			if err != nil {
				return err
			}
			return p.print(s, func(w io.Writer) { s.write(w, time.Now()) })
		},
	}
}

func (c *cluster) status(ctx context.Context, svc *v1alpha1.RealtimeService) (*serviceStatus, error) {
	s := &serviceStatus{
		Name: svc.Name, Namespace: svc.Namespace, URL: svc.Status.URL, Release: svc.Status.Release, Connections: svc.Status.Connections,
		Conditions: svc.Status.Conditions, Gateways: []gatewayState{}, NATS: natsStatus{Versions: []string{}},
	}
	if due := meta.FindStatusCondition(svc.Status.Conditions, v1alpha1.ConditionUpToDate); due != nil && due.Status != metav1.ConditionTrue {
		s.UpdateDue = due.Message
	}
	if svc.Status.Selector == "" {
		return s, nil
	}
	pods, err := c.pods(ctx, svc)
	if err != nil {
		return nil, err
	}
	r := c.reader(ctx)
	for _, a := range each(ctx, pods, r.gatewayStatus) {
		s.add(a)
	}
	return s, nil
}

func (r *reader) gatewayStatus(ctx context.Context, pod *corev1.Pod) (*gatewaystatus.Status, error) {
	if pod.Status.Phase != corev1.PodRunning {
		return nil, nil
	}
	data, err := r.read(ctx, pod, "/status")
	if err != nil {
		return nil, err
	}
	status := &gatewaystatus.Status{}
	return status, decode(pod, data, status)
}

func (s *serviceStatus) add(a answer[*gatewaystatus.Status]) {
	state := gatewayState{
		Name: a.pod.Name, Node: a.pod.Spec.NodeName, Phase: string(a.pod.Status.Phase), Ready: ready(a.pod), Status: a.body,
	}
	if a.pod.DeletionTimestamp != nil {
		state.Phase = "Terminating"
	}
	if a.pod.Status.StartTime != nil {
		state.Started = a.pod.Status.StartTime.Time
	}
	for i := range a.pod.Spec.Containers {
		if a.pod.Spec.Containers[i].Name == container {
			state.Image = a.pod.Spec.Containers[i].Image
		}
	}
	for i := range a.pod.Status.ContainerStatuses {
		of := &a.pod.Status.ContainerStatuses[i]
		state.Restarts += of.RestartCount
		if of.State.Waiting != nil {
			state.Phase = of.State.Waiting.Reason
		}
	}
	if a.err != nil {
		state.Error, state.Status = a.err.Error(), nil
	}
	if g := state.Status; g != nil {
		s.NATS.Answered++
		if g.NATSError == "" {
			s.NATS.Connected++
		}
		if g.NATSVersion != "" && !slices.Contains(s.NATS.Versions, g.NATSVersion) {
			s.NATS.Versions = append(s.NATS.Versions, g.NATSVersion)
		}
	}
	s.Gateways = append(s.Gateways, state)
}

func (s *serviceStatus) write(w io.Writer, now time.Time) {
	row(w, "Service:", s.Namespace+"/"+s.Name)
	row(w, "URL:", or(s.URL))
	row(w, "Release:", or(s.Release))
	row(w, "Connections:", s.Connections)
	row(w, "NATS:", s.NATS.line())
	due := s.UpdateDue
	if due == "" {
		due = "none"
	}
	row(w, "Update due:", due)
	row(w)
	row(w, "CONDITION", "STATUS", "REASON", "FOR", "MESSAGE")
	for _, c := range s.Conditions {
		row(w, c.Type, c.Status, c.Reason, age(c.LastTransitionTime.Time, now), c.Message)
	}
	row(w)
	row(w, "GATEWAY", "READY", "PHASE", "CLIENTS", "NATS", "RESTARTS", "AGE", "NODE", "IMAGE")
	for i := range s.Gateways {
		g := &s.Gateways[i]
		clients, nats := "?", "?"
		if g.Status != nil {
			clients, nats = count(g.Status.Connections), g.Status.NATS
		}
		row(w, g.Name, g.Ready, g.phase(), clients, nats, g.Restarts, age(g.Started, now), or(g.Node), g.Image)
	}
	for i := range s.Gateways {
		for _, problem := range s.Gateways[i].problems() {
			row(w, "! "+problem)
		}
	}
}

func (s *natsStatus) line() string {
	if s.Answered == 0 {
		return "no gateway has answered"
	}
	return count(s.Connected) + " of " + count(s.Answered) + " gateways are connected; version " + or(strings.Join(s.Versions, ", "))
}

func (g *gatewayState) phase() string {
	if g.Status != nil && g.Status.Draining {
		return "Draining"
	}
	return g.Phase
}

// problems are what the gateway says is wrong.
func (g *gatewayState) problems() (all []string) {
	if g.Error != "" {
		return []string{g.Error}
	}
	if g.Status == nil {
		return nil
	}
	for _, problem := range []struct{ what, why string }{
		{"the newest configuration is not in force", g.Status.ConfigError},
		{"NATS is away", g.Status.NATSError},
		{"NATS does not permit something", g.Status.NATSDenied},
		{"events cannot be stored", g.Status.LogError},
	} {
		if problem.why != "" {
			all = append(all, g.Name+": "+problem.what+": "+problem.why)
		}
	}
	return all
}
