// SPDX-License-Identifier: Apache-2.0

package updates

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// Annotation of a Deployment or StatefulSet has the Record of its pods. It is not a ConfigMap: who
// may write one could make the operator run any pod, and who may write a Deployment can do so
// anyway.
const Annotation = "realtime-operator.io/rendered"

const (
	// maxRecord bounds the annotation. The API server takes 256 KiB of annotations in all.
	maxRecord = 128 << 10
	// tooLarge is the annotation of pods whose record is larger. Their updates are not held back.
	tooLarge = "too-large"
	// maxDecoded bounds what is made of an annotation.
	maxDecoded = 4 << 20
)

// Rendering is what a release makes of a service for one kind of pods.
type Rendering struct {
	// Template is the pod template.
	Template corev1.PodTemplateSpec `json:"template"`
	// Config is the file that the pods read only when they start; empty if there is none.
	Config string `json:"config,omitempty"`
}

// Inputs is what a rendering was made of, apart from the release.
type Inputs struct {
	// Spec is InputsOf the service.
	Spec v1alpha1.RealtimeServiceSpec `json:"spec"`
	// Plaintext reports whether NATS took plaintext, for gateways that do not encrypt.
	Plaintext bool `json:"plaintext,omitempty"`
}

// Record is what pods were made of.
type Record struct {
	// Release of the operator that made the rendering; empty if that kept no records.
	Release string `json:"release,omitempty"`
	// Request is the last request (v1alpha1.AnnotationUpdate) that was fulfilled.
	Request string `json:"request,omitempty"`
	// Outdated reports whether the service has changed since the rendering, without a record of
	// what it was.
	Outdated  bool      `json:"outdated,omitempty"`
	Inputs    Inputs    `json:"inputs"`
	Rendering Rendering `json:"rendering"`
}

// InputsOf returns the part of a service that pods may be made of. It leaves out what must never
// replace a pod, in any release, so that a change of that writes no record.
func InputsOf(svc *v1alpha1.RealtimeService) v1alpha1.RealtimeServiceSpec {
	spec := svc.Spec
	spec.Namespaces, spec.DynamicNamespaces = history(svc), nil
	spec.NetworkPolicy, spec.Exposure = nil, nil
	spec.Gateway.Replicas, spec.Gateway.Autoscaling = nil, nil
	spec.Gateway.Service = v1alpha1.GatewayServiceSpec{}
	spec.Gateway.Rollout = nil
	spec.Gateway.UpdatePolicy = v1alpha1.UpdatePolicySpec{}
	spec.Gateway.Tracing, spec.Gateway.Profiling = nil, nil
	return spec
}

// history returns a namespace with a room whose history is the longest of the service; nil if there
// is none.
func history(svc *v1alpha1.RealtimeService) []v1alpha1.Namespace {
	longest := svc.LongestHistory()
	if longest == 0 {
		return nil
	}
	age := v1alpha1.Age{Duration: v1alpha1.Duration{Duration: longest}}
	return []v1alpha1.Namespace{{Name: "/", Rooms: []v1alpha1.RoomRule{{History: &v1alpha1.HistorySpec{MaxAge: age}}}}}
}

// Encode returns the annotation. It is compressed, since the controller of Deployments copies it to
// each ReplicaSet.
func (r *Record) Encode() (string, error) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if err := errors.Join(json.NewEncoder(w).Encode(r), w.Close()); err != nil {
		return "", fmt.Errorf("write the record of pods: %w", err)
	}
	text := base64.StdEncoding.EncodeToString(packed.Bytes())
	if len(text) > maxRecord {
		return tooLarge, nil
	}
	return text, nil
}

// Decode reads an annotation; nil if the record was too large for one.
func Decode(text string) (*Record, error) {
	if text == tooLarge {
		return nil, nil
	}
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("read the record of pods: %w", err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read the record of pods: %w", err)
	}
	var r Record
	if err := json.NewDecoder(io.LimitReader(unpacked, maxDecoded)).Decode(&r); err != nil {
		return nil, fmt.Errorf("read the record of pods: %w", err)
	}
	return &r, nil
}
