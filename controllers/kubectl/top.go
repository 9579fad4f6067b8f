// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
)

func topCommand(p *plugin) *cobra.Command {
	cmd := &cobra.Command{Use: "top", Short: "The largest rooms, users or gateways"}
	for _, of := range []string{"rooms", "users"} {
		var most int
		list := &cobra.Command{
			Use: of, Short: "The " + of + " with the most sockets", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return p.top(cmd.Context(), of, most) },
		}
		list.Flags().IntVar(&most, "limit", 20, "how many are listed")
		cmd.AddCommand(list)
	}
	cmd.AddCommand(&cobra.Command{
		Use: "gateways", Short: "What each gateway carries and takes", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.topGateways(cmd.Context()) },
	})
	return cmd
}

// topList is what `top rooms` and `top users` show.
type topList struct {
	Items []gatewayadmin.Item `json:"items"`
	// MoreBy is by how much a number may be too small: the room or user may be among those that
	// some gateways have left out.
	MoreBy int `json:"moreBy"`
}

func (p *plugin) top(ctx context.Context, of string, most int) error {
	if most < 1 || most > gatewayadmin.MaxTop {
		return fmt.Errorf("--limit %d: want a number between 1 and %d", most, gatewayadmin.MaxTop)
	}
	c, pods, err := p.operate(ctx)
	if err != nil {
		return err
	}
	// More of each than are listed: what is largest in all need not be on any one.
	path := gatewayadmin.PathTop + "?of=" + of + "&limit=" + strconv.Itoa(min(gatewayadmin.MaxTop, 50*most))
	answers, err := inEach[gatewayadmin.Top](ctx, p, c, pods, path)
	if err != nil {
		return err
	}
	list := merge(answers, most)
	return p.print(list, func(w io.Writer) {
		if of == "rooms" {
			row(w, "SOCKETS", "NAMESPACE", "ROOM")
		} else {
			row(w, "SOCKETS", "ENTRY", "USER")
		}
		for _, item := range list.Items {
			if of == "rooms" {
				row(w, item.Sockets, item.Namespace, item.Room)
			} else {
				row(w, item.Sockets, or(item.Entry), item.User)
			}
		}
		if list.MoreBy > 0 {
			row(w, fmt.Sprintf("There are very many: a number may be too small by up to %d.", list.MoreBy))
		}
	})
}

// merge adds up what gateways have answered.
func merge(answers []answer[gatewayadmin.Top], most int) topList {
	sums, list := map[gatewayadmin.Item]int{}, topList{Items: []gatewayadmin.Item{}}
	for _, a := range answers {
		list.MoreBy += a.body.Next
		for _, item := range a.body.Items {
			sums[item.Key()] += item.Sockets
		}
	}
	for _, item := range slices.Collect(maps.Keys(sums)) {
		item.Sockets = sums[item.Key()]
		list.Items = append(list.Items, item)
	}
	slices.SortFunc(list.Items, func(a, b gatewayadmin.Item) int {
		return cmp.Or(cmp.Compare(b.Sockets, a.Sockets), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Room, b.Room),
			cmp.Compare(a.Entry, b.Entry), cmp.Compare(a.User, b.User))
	})
	list.Items = list.Items[:min(most, len(list.Items))]
	return list
}

// gatewayLoad is what `top gateways` shows of one.
type gatewayLoad struct {
	Name            string  `json:"name"`
	Node            string  `json:"node"`
	Connections     float64 `json:"connections"`
	Unauthenticated float64 `json:"unauthenticated"`
	MemoryBytes     float64 `json:"memoryBytes"`
	CPUSeconds      float64 `json:"cpuSeconds"`
	Goroutines      float64 `json:"goroutines"`
	// Refused are handshakes since the gateway has started.
	Refused float64 `json:"refused"`
}

func (p *plugin) topGateways(ctx context.Context) error {
	c, err := p.connect()
	if err != nil {
		return err
	}
	svc, err := c.find(ctx, p.service)
	if err != nil {
		return err
	}
	pods, err := c.gateways(ctx, svc)
	if err != nil {
		return err
	}
	answers, err := answered(p, each(ctx, pods, c.reader(ctx).load))
	if err != nil {
		return err
	}
	loads := make([]gatewayLoad, len(answers))
	for i := range answers {
		loads[i] = answers[i].body
	}
	slices.SortFunc(loads, func(a, b gatewayLoad) int {
		return cmp.Or(cmp.Compare(b.Connections, a.Connections), cmp.Compare(a.Name, b.Name))
	})
	return p.print(map[string]any{"items": loads}, func(w io.Writer) {
		row(w, "GATEWAY", "CLIENTS", "UNAUTHENTICATED", "MEMORY", "CPU SECONDS", "GOROUTINES", "REFUSED", "NODE")
		for _, l := range loads {
			memory := resource.NewQuantity(int64(l.MemoryBytes)>>20<<20, resource.BinarySI)
			row(w, l.Name, l.Connections, l.Unauthenticated, memory, int64(l.CPUSeconds), l.Goroutines, l.Refused, or(l.Node))
		}
	})
}

func (r *reader) load(ctx context.Context, pod *corev1.Pod) (gatewayLoad, error) {
	load := gatewayLoad{Name: pod.Name, Node: pod.Spec.NodeName}
	data, err := r.read(ctx, pod, "/metrics")
	if err != nil {
		return load, err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(data))
	if err != nil {
		return load, fmt.Errorf("gateway %s: read its metrics: %w", pod.Name, err)
	}
	for name, value := range map[string]*float64{
		"realtime_connections": &load.Connections, "realtime_connections_unauthenticated": &load.Unauthenticated,
		"process_resident_memory_bytes": &load.MemoryBytes, "process_cpu_seconds_total": &load.CPUSeconds,
		"go_goroutines": &load.Goroutines, "realtime_handshakes_refused_total": &load.Refused,
	} {
		*value = sum(families[name])
	}
	return load, nil
}

// sum adds up a metric over its labels; 0 if there is none.
func sum(family *dto.MetricFamily) (total float64) {
	for _, m := range family.GetMetric() {
		total += m.GetGauge().GetValue() + m.GetCounter().GetValue()
	}
	return total
}
