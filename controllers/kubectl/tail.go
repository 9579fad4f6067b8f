// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
)

// longestLine bounds a line of a gateway, in bytes.
const longestLine = 64 << 10

// bounds are how much is looked at.
type bounds struct {
	rate, args int
	length     time.Duration
}

func (b *bounds) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&b.rate, "rate", gatewayadmin.DefaultRate, "most lines a second of each gateway; what is more is only counted")
	f.IntVar(&b.args, "args", 0, "how many bytes of the arguments are shown (default: none, since they are clients' data)")
	f.DurationVar(&b.length, "for", time.Minute, "how long to look, at most 1h")
}

func (b *bounds) add(query url.Values) error {
	seconds := int(b.length / time.Second)
	switch {
	case b.rate < 1 || b.rate > gatewayadmin.MaxRate:
		return fmt.Errorf("--rate %d: want a number between 1 and %d", b.rate, gatewayadmin.MaxRate)
	case b.args < 0 || b.args > gatewayadmin.MaxArgs:
		return fmt.Errorf("--args %d: want a number between 0 and %d", b.args, gatewayadmin.MaxArgs)
	case seconds < 1 || seconds > gatewayadmin.MaxSeconds:
		return fmt.Errorf("--for %v: want between 1s and 1h", b.length)
	}
	query.Set("rate", strconv.Itoa(b.rate))
	query.Set("seconds", strconv.Itoa(seconds))
	if b.args > 0 {
		query.Set("args", strconv.Itoa(b.args))
	}
	return nil
}

func tailCommand(p *plugin) *cobra.Command {
	var of string
	b := bounds{}
	cmd := &cobra.Command{
		Use:   "tail NAMESPACE/ROOM",
		Short: "Watch which events are emitted to a room: a sample, for a while",
		Long: "Watch which events are emitted to a room, by clients' handlers and by programs, on all gateways.\n" +
			"/chat/lobby is the room lobby of the namespace /chat, lobby that of /, and /chat all of /chat.\n" +
			"Events for one socket alone are not shown: see trace.",
		Example: "  kubectl rts tail /chat/lobby --args 80",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			place, err := parsePlace(args[0], of)
			if err != nil {
				return err
			}
			query := url.Values{"namespace": {place.namespace}}
			if place.room != "" {
				query.Set("room", place.room)
			}
			if err := b.add(query); err != nil {
				return err
			}
			return p.watch(cmd.Context(), gatewayadmin.PathTail+"?"+query.Encode())
		},
	}
	bindNamespace(cmd, &of)
	b.bind(cmd)
	return cmd
}

func traceCommand(p *plugin) *cobra.Command {
	var entry string
	b := bounds{}
	cmd := &cobra.Command{
		Use:   "trace USER",
		Short: "Watch what one user's sockets do: a sample, for a while",
		Long: "Watch the sockets of a user on all gateways: events from and for the client, connections and how they end.\n" +
			"A new socket is found within a second; what it does before that is not shown.",
		Example: "  kubectl rts trace ada --entry people --for 10m",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			query := url.Values{"user": {args[0]}}
			if entry != "" {
				query.Set("entry", entry)
			}
			if err := b.add(query); err != nil {
				return err
			}
			return p.watch(cmd.Context(), gatewayadmin.PathTrace+"?"+query.Encode())
		},
	}
	cmd.Flags().StringVar(&entry, "entry", "", "entry of spec.authentication that the user is of (default: any)")
	b.bind(cmd)
	return cmd
}

// watch prints the lines of all gateways as they come, until they end or the context does.
func (p *plugin) watch(ctx context.Context, path string) error {
	c, pods, err := p.operate(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	_, err = answered(p, each(ctx, pods, func(ctx context.Context, pod *corev1.Pod) (struct{}, error) {
		lines := &lineWriter{take: func(line []byte) error {
			mu.Lock()
			defer mu.Unlock()
			return p.printLine(pod, line)
		}}
		return struct{}{}, c.stream(ctx, pod, path, lines)
	}))
	return err
}

// watched is a line, and the gateway that has told it.
type watched struct {
	Gateway string `json:"gateway"`
	gatewayadmin.Line
}

func (p *plugin) printLine(pod *corev1.Pod, data []byte) error {
	line := watched{Gateway: pod.Name}
	if err := decode(pod, data, &line.Line); err != nil {
		return err
	}
	if line.Kind == gatewayadmin.KindAlive && line.Missed == 0 {
		return nil
	}
	if p.output == "json" { // one object a line
		return json.NewEncoder(p.out).Encode(line)
	}
	_, err := fmt.Fprintln(p.out, clean(line.text()))
	return err
}

// text is the line for people.
func (l *watched) text() string {
	var parts []string
	if l.Missed > 0 {
		parts = append(parts, fmt.Sprintf("(%d left out)", l.Missed))
	}
	if l.Kind != gatewayadmin.KindAlive {
		parts = append(parts, l.Kind, l.Namespace)
		if len(l.Rooms) > 0 {
			parts = append(parts, "to "+strings.Join(l.Rooms, ", "))
		}
		for _, part := range []string{l.Socket, l.Reason, l.Event} {
			if part != "" {
				parts = append(parts, part)
			}
		}
		if l.Bytes > 0 {
			parts = append(parts, fmt.Sprintf("%dB", l.Bytes))
		}
		if l.Args != "" {
			parts = append(parts, l.Args)
		}
	}
	return l.Time.Local().Format("15:04:05.000") + "  " + l.Gateway + "  " + strings.Join(parts, "  ")
}

// lineWriter hands on whole lines.
type lineWriter struct {
	take func(line []byte) error
	rest []byte
}

func (w *lineWriter) Write(data []byte) (int, error) {
	w.rest = append(w.rest, data...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			break
		}
		if err := w.take(line); err != nil {
			return 0, err
		}
		w.rest = rest
	}
	if len(w.rest) > longestLine {
		return 0, fmt.Errorf("a line has more than %d bytes: %w", longestLine, io.ErrShortBuffer)
	}
	return len(data), nil
}
