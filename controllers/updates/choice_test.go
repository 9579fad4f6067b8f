// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// rendering is a release's: its pods have the image of the release, and an argument.
func rendering(release, arg string) Rendering {
	return Rendering{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: release, Args: []string{arg}}}}}}
}

// renderer renders pods of a service's image, and with its longest ping.
func renderer(release string) func(Inputs) Rendering {
	return func(in Inputs) Rendering {
		if in.Plaintext {
			return rendering(release, "plaintext")
		}
		return rendering(release, in.Spec.Gateway.Image)
	}
}

func inputs(image string) Inputs {
	var spec v1alpha1.RealtimeServiceSpec
	spec.Gateway.Image = image
	return Inputs{Spec: spec}
}

func TestChoose(t *testing.T) {
	plaintext := inputs("a")
	plaintext.Plaintext = true
	outdated := &Record{Release: "1", Request: "then", Outdated: true, Inputs: inputs("a"), Rendering: renderer("1")(inputs("a"))}
	made := func(release, request string, in Inputs) *Record {
		return &Record{Release: release, Request: request, Inputs: in, Rendering: renderer(release)(in)}
	}
	for name, tt := range map[string]struct {
		running *Record
		in      Inputs
		update  bool
		// want is the release, and request whether the present one counts as fulfilled.
		want    string
		request string
		due     bool
	}{
		"a new service":                  {nil, inputs("a"), false, "2", "now", false},
		"another release":                {made("1", "then", inputs("a")), inputs("a"), false, "1", "then", true},
		"another release, and its time":  {made("1", "then", inputs("a")), inputs("a"), true, "2", "now", false},
		"another release and image":      {made("1", "then", inputs("a")), inputs("b"), false, "2", "now", false},
		"a change that nobody knows":     {outdated, inputs("a"), false, "2", "now", false},
		"the same release":               {made("2", "then", inputs("a")), inputs("a"), false, "2", "now", false},
		"the same release, its time":     {made("2", "then", inputs("a")), inputs("a"), true, "2", "now", false},
		"another image":                  {made("2", "then", inputs("a")), inputs("b"), false, "2", "now", false},
		"gateways encrypt now":           {made("1", "then", plaintext), inputs("a"), false, "2", "now", false},
		"another release, and plaintext": {made("1", "then", plaintext), plaintext, false, "1", "then", true},
	} {
		t.Run(name, func(t *testing.T) {
			newest := *made("2", "now", tt.in)
			got := Choose(tt.running, newest, renderer("2"), tt.update)
			if got.Release != tt.want || got.Request != tt.request || got.Due != tt.due {
				t.Errorf("got release %s, request %s, due %v", got.Release, got.Request, got.Due)
			}
			if diff := cmp.Diff(tt.in, got.Inputs); diff != "" {
				t.Errorf("the inputs are not recorded: %s", diff)
			}
			if diff := cmp.Diff(renderer(tt.want)(tt.in), got.Rendering); diff != "" {
				t.Errorf("other pods: %s", diff)
			}
		})
	}
}

// A release that runs what this one renders is the same to pods.
func TestAnEqualRenderingIsNoUpdate(t *testing.T) {
	running := &Record{Release: "1", Inputs: inputs("a"), Rendering: rendering("same", "a")}
	newest := Record{Release: "2", Inputs: inputs("a"), Rendering: rendering("same", "a")}
	got := Choose(running, newest, func(Inputs) Rendering { return rendering("same", "a") }, false)
	if got.Due || !got.Equal(running) {
		t.Errorf("the record is written: %+v", got)
	}
}

func TestRecords(t *testing.T) {
	svc := &v1alpha1.RealtimeService{}
	svc.Spec.Protocol.Path = "/socket.io/"
	svc.Spec.Namespaces = []v1alpha1.Namespace{
		{Name: "/", Handlers: []v1alpha1.Handler{{Event: "a"}}},
		{Name: "/a", Rooms: []v1alpha1.RoomRule{{History: &v1alpha1.HistorySpec{MaxAge: v1alpha1.Age{Duration: v1alpha1.Duration{Duration: time.Hour}}}}}},
	}
	record := &Record{Release: "1", Request: "now", Inputs: Inputs{Spec: InputsOf(svc), Plaintext: true}, Rendering: rendering("a", "b")}
	record.Rendering.Config = "port: 4222\n"
	text, err := record.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Equal(record) {
		t.Errorf("it became %+v", got)
	}
	if len(svc.Spec.Namespaces) != 2 {
		t.Error("the service was changed")
	}
	if history := (&v1alpha1.RealtimeService{Spec: got.Inputs.Spec}).LongestHistory(); history != time.Hour {
		t.Errorf("the longest history is %v", history)
	}
}

func TestInputsLeaveOutWhatReplacesNoPods(t *testing.T) {
	svc := &v1alpha1.RealtimeService{}
	plain := InputsOf(svc)
	three := int32(3)
	g := &svc.Spec.Gateway
	g.Replicas, g.Autoscaling, g.Rollout = &three, &v1alpha1.AutoscalingSpec{MaxReplicas: 3}, &v1alpha1.RolloutSpec{}
	g.Service.Port, g.UpdatePolicy.Type = 80, v1alpha1.UpdateImmediately
	svc.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{}
	svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/"}}
	svc.Spec.DynamicNamespaces = []v1alpha1.DynamicNamespace{{Pattern: "a"}}
	if diff := cmp.Diff(plain, InputsOf(svc)); diff != "" {
		t.Error(diff)
	}
}

// What does not fit into an annotation is not held back, rather than be refused by the API server.
func TestALargeRecordIsNotWritten(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 200<<10)
	for i := range noise {
		noise[i] = byte('a' + source.IntN(26))
	}
	text, err := (&Record{Rendering: rendering("a", string(noise))}).Encode()
	if err != nil || len(text) > 100 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if got, err := Decode(text); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBrokenRecords(t *testing.T) {
	bomb, err := (&Record{Rendering: rendering("a", strings.Repeat("a", 2*maxDecoded))}).Encode()
	if err != nil || len(bomb) > maxRecord {
		t.Fatalf("%d bytes, %v", len(bomb), err)
	}
	for name, text := range map[string]string{
		"empty": "", "no base64": "!", "not compressed": "e30K", "cut": bomb[:len(bomb)/2], "a bomb": bomb,
	} {
		if got, err := Decode(text); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
}
