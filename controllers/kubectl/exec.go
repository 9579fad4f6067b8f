// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
)

// container is that of the gateway in its pod.
const container = "gateway"

// streams are those of a command; In may be nil.
type streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// runner runs a command in a gateway's container. An error of exec.CodeExitError is the command's.
type runner func(ctx context.Context, pod *corev1.Pod, command []string, s streams) error

// exec runs a command by pods/exec: over a websocket or, with API servers and proxies that have
// none, over SPDY, as kubectl does.
func (c *cluster) exec(ctx context.Context, pod *corev1.Pod, command []string, s streams) error {
	url := c.set.CoreV1().RESTClient().Post().Resource("pods").Name(pod.Name).Namespace(pod.Namespace).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: container, Command: command, Stdin: s.In != nil, Stdout: true, Stderr: true,
		}, clientgoscheme.ParameterCodec).URL()
	spdy, err := remotecommand.NewSPDYExecutor(c.config, "POST", url)
	if err != nil {
		return fmt.Errorf("prepare pods/exec: %w", err)
	}
	websocket, err := remotecommand.NewWebSocketExecutor(c.config, "GET", url.String())
	if err != nil {
		return fmt.Errorf("prepare pods/exec: %w", err)
	}
	executor, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	if err != nil {
		return fmt.Errorf("prepare pods/exec: %w", err)
	}
	return executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: s.In, Stdout: s.Out, Stderr: s.Err})
}

// ask sends a request to a gateway and returns the body of the answer.
func (c *cluster) ask(ctx context.Context, pod *corev1.Pod, method, path string, body []byte) ([]byte, error) {
	var out bytes.Buffer
	s := streams{Out: &out}
	if method == "POST" {
		s.In = bytes.NewReader(body)
	}
	err := c.request(ctx, pod, s, method, path)
	return out.Bytes(), err
}

// stream sends a request whose answer goes on until the context ends.
func (c *cluster) stream(ctx context.Context, pod *corev1.Pod, path string, out io.Writer) error {
	// Kubernetes does not end a process when the one who has started it goes away, but it closes
	// its input.
	in, hold := io.Pipe()
	defer hold.Close()
	stop := context.AfterFunc(ctx, func() { hold.Close() })
	defer stop()
	err := c.request(ctx, pod, streams{In: in, Out: out}, gatewayadmin.UntilEOF, "GET", path)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *cluster) request(ctx context.Context, pod *corev1.Pod, s streams, args ...string) error {
	var complaint bytes.Buffer
	s.Err = &complaint
	err := c.run(ctx, pod, slices.Concat(gatewayadmin.Command, args), s)
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(strings.TrimSpace(complaint.String()), "Error: ")
	var refusal struct{ Error string }
	if json.Unmarshal([]byte(text), &refusal) == nil && refusal.Error != "" {
		text = refusal.Error
	}
	var ended exec.CodeExitError
	switch {
	case strings.Contains(text, `unknown command "admin"`):
		return fmt.Errorf("gateway %s: its release knows no kubectl rts: update the service", pod.Name)
	case errors.As(err, &ended) && text != "":
		return fmt.Errorf("gateway %s: %s", pod.Name, text)
	}
	return fmt.Errorf("gateway %s: %w", pod.Name, err)
}
