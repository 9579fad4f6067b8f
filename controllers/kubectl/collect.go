// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// collected are the kinds of objects that a service has. Secrets are not read at all: their names
// are in the pods.
var collected = []schema.GroupVersionKind{
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"},
	{Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"},
	{Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "PersistentVolumeClaim"},
	{Version: "v1", Kind: "Pod"},
	{Version: "v1", Kind: "Service"},
}

// bundle is a tar.gz that is being written.
type bundle struct {
	folder string
	tar    *tar.Writer
	now    time.Time
	// missing is what could not be had, and why.
	missing []string
	files   int
}

// add adds a file. What looks like a secret in it is left out.
func (b *bundle) add(name string, data []byte) error {
	data = scrubText(data)
	header := &tar.Header{Name: path.Join(b.folder, name), Mode: 0o600, Size: int64(len(data)), ModTime: b.now, Format: tar.FormatPAX}
	if err := b.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := b.tar.Write(data); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	b.files++
	return nil
}

// addOr adds a file, or notes why it is not there.
func (b *bundle) addOr(name string, data []byte, err error) error {
	if err != nil {
		b.missing = append(b.missing, fmt.Sprintf("%s: %v", name, err))
		return nil
	}
	return b.add(name, data)
}

func (b *bundle) object(name string, object map[string]any) error {
	data, err := yaml.Marshal(scrubObject(object))
	return b.addOr(name, data, err)
}

func collectCommand(p *plugin) *cobra.Command {
	var file string
	var lines int64
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Write a support bundle without secrets: objects, events, states, metrics and logs",
		Long: "Write a tar.gz with what somebody needs who helps: the service and its objects, their events, what gateways say of\n" +
			"themselves, and logs. Secrets are not read, values of environment variables are left out, and so is what looks like a\n" +
			"token, a password or a key anywhere else. Read it before you send it: names of users and rooms may be in logs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			c, err := p.connect()
			if err != nil {
				return err
			}
			svc, err := c.find(ctx, p.service)
			if err != nil {
				return err
			}
			now := time.Now().UTC()
			folder := svc.Namespace + "-" + svc.Name + now.Format("-20060102-150405")
			name := cmp.Or(file, folder+".tar.gz")
			b, err := p.writeBundle(ctx, c, svc, name, &bundle{folder: folder, now: now}, lines)
			if err != nil {
				return err
			}
			return p.print(map[string]any{"file": name, "files": b.files, "missing": b.missing}, func(w io.Writer) {
				row(w, fmt.Sprintf("%s has %d files", name, b.files))
				for _, missing := range b.missing {
					row(w, "Without "+missing)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "filename", "f", "", "file to write (default: NAMESPACE-SERVICE-TIME.tar.gz)")
	f.Int64Var(&lines, "tail", 10_000, "how many lines of each log")
	return cmd
}

// writeBundle writes a new file, which is not left behind half.
func (p *plugin) writeBundle(ctx context.Context, c *cluster, svc *v1alpha1.RealtimeService, name string, b *bundle, lines int64) (_ *bundle, err error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the bundle: %w", err)
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
		if err != nil {
			_ = os.Remove(name) // the error is reported
		}
	}()
	compressed := gzip.NewWriter(file)
	b.tar = tar.NewWriter(compressed)
	if err := b.fill(ctx, c, svc, p.Release, lines); err != nil {
		return nil, err
	}
	if err := b.tar.Close(); err != nil {
		return nil, fmt.Errorf("write the bundle: %w", err)
	}
	if err := compressed.Close(); err != nil {
		return nil, fmt.Errorf("write the bundle: %w", err)
	}
	return b, nil
}

func (b *bundle) fill(ctx context.Context, c *cluster, svc *v1alpha1.RealtimeService, release string, lines int64) error {
	version := "plugin: " + release + "\n"
	if server, err := c.set.Discovery().ServerVersion(); err == nil {
		version += "kubernetes: " + server.GitVersion + "\n"
	}
	if err := b.add("versions.txt", []byte(version)); err != nil {
		return err
	}
	if err := b.addService(ctx, c, svc); err != nil {
		return err
	}
	names, err := b.addObjects(ctx, c, svc)
	if err != nil {
		return err
	}
	if err := b.addEvents(ctx, c, append(names, svc.Name)); err != nil {
		return err
	}
	if err := b.addPods(ctx, c, svc, lines); err != nil {
		return err
	}
	if len(b.missing) > 0 {
		return b.add("missing.txt", []byte(strings.Join(b.missing, "\n")+"\n"))
	}
	return nil
}

func (b *bundle) addService(ctx context.Context, c *cluster, svc *v1alpha1.RealtimeService) error {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind("RealtimeService"))
	if err := c.objects.Get(ctx, client.ObjectKeyFromObject(svc), object); err != nil {
		return b.addOr("service.yaml", nil, err)
	}
	return b.object("service.yaml", object.Object)
}

// addObjects adds the objects with the service's label, and returns their names.
func (b *bundle) addObjects(ctx context.Context, c *cluster, svc *v1alpha1.RealtimeService) (names []string, err error) {
	for _, kind := range collected {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		err := c.objects.List(ctx, list, client.InNamespace(svc.Namespace), client.MatchingLabels{v1alpha1.LabelService: svc.Name})
		if err != nil {
			b.missing = append(b.missing, fmt.Sprintf("objects of the kind %s: %v", kind.Kind, err))
			continue
		}
		for i := range list.Items {
			item := &list.Items[i]
			names = append(names, item.GetName())
			if err := b.object(path.Join("objects", strings.ToLower(kind.Kind), item.GetName()+".yaml"), item.Object); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

func (b *bundle) addEvents(ctx context.Context, c *cluster, names []string) error {
	list, err := c.set.CoreV1().Events(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return b.addOr("events.txt", nil, err)
	}
	of := slices.DeleteFunc(list.Items, func(e corev1.Event) bool { return !slices.Contains(names, e.InvolvedObject.Name) })
	slices.SortFunc(of, func(a, b corev1.Event) int { return when(&a).Compare(when(&b)) })
	var text bytes.Buffer
	for i := range of {
		e := &of[i]
		fmt.Fprintf(&text, "%s %s %s %s/%s: %s (%d times)\n", when(e).UTC().Format(time.RFC3339), e.Type, e.Reason,
			e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message, e.Count)
	}
	return b.add("events.txt", text.Bytes())
}

func when(e *corev1.Event) time.Time {
	if !e.LastTimestamp.IsZero() {
		return e.LastTimestamp.Time
	}
	return e.EventTime.Time
}

// addPods adds logs, and what gateways say of themselves.
func (b *bundle) addPods(ctx context.Context, c *cluster, svc *v1alpha1.RealtimeService, lines int64) error {
	list := &corev1.PodList{}
	if err := c.objects.List(ctx, list, client.InNamespace(svc.Namespace), client.MatchingLabels{v1alpha1.LabelService: svc.Name}); err != nil {
		return b.addOr("logs", nil, err)
	}
	r := c.reader(ctx)
	for i := range list.Items {
		pod := &list.Items[i]
		if isGateway(pod) && pod.Status.Phase == corev1.PodRunning {
			for _, of := range []string{"status", "metrics"} {
				data, err := r.read(ctx, pod, "/"+of)
				if of == "status" && err == nil {
					data, err = indented(data)
				}
				if err := b.addOr(path.Join("gateways", pod.Name, of+".txt"), data, err); err != nil {
					return err
				}
			}
		}
		if err := b.addLogs(ctx, c, pod, lines); err != nil {
			return err
		}
	}
	return nil
}

// indented is a JSON object of which each field has a line.
func indented(data []byte) ([]byte, error) {
	var object any
	if err := json.Unmarshal(data, &object); err != nil {
		return nil, err
	}
	return json.MarshalIndent(scrubValue(object), "", "  ")
}

func (b *bundle) addLogs(ctx context.Context, c *cluster, pod *corev1.Pod, lines int64) error {
	for i := range pod.Status.ContainerStatuses {
		of := &pod.Status.ContainerStatuses[i]
		for _, previous := range []bool{false, true} {
			if previous && of.RestartCount == 0 {
				continue
			}
			name := path.Join("logs", pod.Name, of.Name+".log")
			if previous {
				name = path.Join("logs", pod.Name, of.Name+"-previous.log")
			}
			data, err := c.set.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
				Container: of.Name, Previous: previous, TailLines: ptr.To(lines), Timestamps: true, LimitBytes: ptr.To[int64](16 << 20),
			}).DoRaw(ctx)
			if err := b.addOr(name, data, err); err != nil {
				return err
			}
		}
	}
	return nil
}
