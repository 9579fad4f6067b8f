// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// GatewaySpec describes the gateway Deployment, its Service and its number of pods.
//
// +kubebuilder:validation:XValidation:rule="!has(self.autoscaling) || self.autoscaling.minReplicas <= self.autoscaling.maxReplicas",message="minReplicas must not be greater than maxReplicas",fieldPath=".autoscaling.minReplicas"
type GatewaySpec struct {
	// replicas is the number of gateways while autoscaling is absent, and has no effect otherwise.
	// `kubectl scale` sets it.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Replicas *int32 `json:"replicas,omitempty"`

	// autoscaling sets the number of gateways by their load. If absent, replicas sets it. If it is
	// removed, the number goes down to replicas by one gateway at a time.
	// +optional
	Autoscaling *AutoscalingSpec `json:"autoscaling,omitempty"`

	// image of the gateways. Defaults to the operator's own image.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Image string `json:"image,omitempty"`

	PodSettings `json:",inline"`

	// resources of the gateway container. Autoscaling measures CPU use relative to the CPU request.
	// +optional
	// +kubebuilder:default={requests: {cpu: "100m", memory: "128Mi"}}
	Resources corev1.ResourceRequirements `json:"resources,omitempty"`

	// env is added to the environment of the gateway container, such as HTTPS_PROXY, GODEBUG or
	// GOMEMLIMIT. Names that the operator sets are refused: POD_NAME, POD_IP and POD_REVISION.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=64
	Env []corev1.EnvVar `json:"env,omitempty"`

	// drain controls how a leaving gateway hands its clients over.
	// +optional
	Drain *DrainSpec `json:"drain,omitempty"`

	// rollout controls how new gateways replace old ones.
	// +optional
	Rollout *RolloutSpec `json:"rollout,omitempty"`

	// updatePolicy says when an update of the operator replaces the gateways and their NATS.
	// +optional
	// +kubebuilder:default={}
	UpdatePolicy UpdatePolicySpec `json:"updatePolicy,omitzero"`

	// terminationGracePeriodSeconds is how long a leaving gateway may take to hand its clients
	// over, in seconds. It sends them away at drain.rate, or evenly over two thirds of the period,
	// and ends as soon as the last client has left. Defaults to 30, and to 3600 with drain.rate.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`

	// service is the Kubernetes Service that clients connect to.
	// +optional
	// +kubebuilder:default={}
	Service GatewayServiceSpec `json:"service,omitzero"`

	// tracing sends spans of handshakes and events to an OpenTelemetry collector. If absent,
	// gateways make no spans, and pass on the traces of programs that publish.
	// +optional
	Tracing *TracingSpec `json:"tracing,omitempty"`

	// profiling lets people with the right to forward ports to the pods profile gateways. If
	// absent, nobody can.
	// +optional
	Profiling *ProfilingSpec `json:"profiling,omitempty"`
}

// TracingSpec says where the spans of gateways are sent, and of which traces.
type TracingSpec struct {
	// endpoint is the URL of the collector's OTLP receiver for HTTP, such as
	// http://collector.monitoring:4318. Without a path, /v1/traces is added. Headers that the
	// collector requires, such as a token, are in the variable OTEL_EXPORTER_OTLP_HEADERS of env,
	// from a Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:XValidation:rule="self.matches('^https?://[^/?#@]+(/[^?#@]*)?$')",message="must begin with http:// or https:// and a host, without user, query or fragment"
	Endpoint string `json:"endpoint,omitempty"`

	// samplingRatePerMillion is how many of a million traces that begin at gateways are sampled:
	// handshakes, and events of clients. Of a trace that began before, such as at a program that
	// publishes, its header says whether it is.
	// +optional
	// +kubebuilder:default=10000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	SamplingRatePerMillion *int32 `json:"samplingRatePerMillion,omitempty"`
}

// PerMillion returns how many of a million traces are sampled.
func (t *TracingSpec) PerMillion() int32 { return ptr.Deref(t.SamplingRatePerMillion, 10_000) }

// ProfilingSpec serves Go's profiles at /debug/pprof/ on the pod's loopback interface, which other
// pods do not reach.
type ProfilingSpec struct {
	// port of the loopback interface, in each gateway pod.
	// +optional
	// +kubebuilder:default=6060
	// +kubebuilder:validation:Minimum=1024
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`
}

// DrainSpec controls how a leaving gateway hands its clients over.
type DrainSpec struct {
	// rate is how many clients per second a leaving gateway tells to reconnect. The gateway raises
	// it if terminationGracePeriodSeconds would end before the last client is told. If absent,
	// clients are told evenly over two thirds of that period.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Rate *int32 `json:"rate,omitempty"`
}

// RolloutSpec controls how new gateways replace old ones.
type RolloutSpec struct {
	// maxSurge is how many gateways may exist beyond the wanted number during a rollout: a number,
	// or a percentage of the wanted number. At 100% all new gateways start together, so that each
	// client is sent away once. A smaller value needs fewer nodes and takes longer.
	// +optional
	// +kubebuilder:default="100%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 1000 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number from 1 to 1000, or a percentage from 1% to 100%"
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
}

// MaxSurge returns how many gateways may exist beyond the wanted number during a rollout.
func (g *GatewaySpec) MaxSurge() intstr.IntOrString {
	if g.Rollout == nil || g.Rollout.MaxSurge == nil {
		return intstr.FromString("100%")
	}
	return *g.Rollout.MaxSurge
}

// DrainRate returns how many clients per second a leaving gateway sends away, 0 if the manifest
// does not say.
func (g *GatewaySpec) DrainRate() int32 {
	if g.Drain == nil || g.Drain.Rate == nil {
		return 0
	}
	return *g.Drain.Rate
}

// GatewayServiceSpec describes the Service in front of the gateways.
type GatewayServiceSpec struct {
	// type of the Service.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`

	// port that clients connect to.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// webTransportPort is the UDP port that clients connect to if spec.protocol.webTransport is
	// set. A client uses one port number for all transports, so this should be the port at which it
	// finds the others: 443 behind an ingress.
	// +optional
	// +kubebuilder:default=443
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	WebTransportPort int32 `json:"webTransportPort,omitempty"`

	// annotations of the Service, for the cloud's load balancer.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// AutoscalingSpec sets the number of gateways by their load: by CPU, with a
// HorizontalPodAutoscaler, by connections, or by both, whichever needs more.
//
// +kubebuilder:validation:XValidation:rule="self.targetCPUUtilizationPercentage > 0 || has(self.targetConnections)",message="0 leaves CPU use out, and needs targetConnections",fieldPath=".targetCPUUtilizationPercentage"
// +kubebuilder:validation:XValidation:rule="!has(self.headroom) || has(self.targetConnections)",message="needs targetConnections",fieldPath=".headroom"
type AutoscalingSpec struct {
	// minReplicas is the minimum number of gateways.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// maxReplicas is the maximum number of gateways.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxReplicas int32 `json:"maxReplicas,omitempty"`

	// targetCPUUtilizationPercentage is the target average CPU use, in percent of the CPU request.
	// It needs metrics-server. 0 leaves CPU use out: then there is no HorizontalPodAutoscaler, and
	// the operator sets the number of gateways by their connections.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	TargetCPUUtilizationPercentage *int32 `json:"targetCPUUtilizationPercentage,omitempty"`

	// targetConnections is how many clients a gateway should have on average. There are at least as
	// many gateways as the clients need, and headroom. If absent, connections do not count.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	TargetConnections *int32 `json:"targetConnections,omitempty"`

	// headroom is the number of gateways beyond those that the clients need: for clients that come
	// before the next gateway has started, and for a gateway that fails. Defaults to 1.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Headroom *int32 `json:"headroom,omitempty"`

	// behavior is that of the HorizontalPodAutoscaler. Its stabilization windows, tolerances and
	// selectPolicy Disabled also hold for the number of gateways that the clients need.
	// +optional
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`

	// rebalance moves clients to new gateways. If absent, these get new clients only. It requires
	// spec.recovery.
	// +optional
	Rebalance *RebalanceSpec `json:"rebalance,omitempty"`
}

// RebalanceSpec asks clients of gateways with more clients than the average to reconnect, after new
// gateways have started, until all are within 10% of the average. A client that could not be
// recovered is not asked.
type RebalanceSpec struct {
	// perSecond is how many clients of the service are asked per second.
	// +optional
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	PerSecond int32 `json:"perSecond,omitempty"`

	// minConnectedSeconds is how long a client has been connected before it is asked, so that none
	// is asked more often than that.
	// +optional
	// +kubebuilder:default=300
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	MinConnectedSeconds int32 `json:"minConnectedSeconds,omitempty"`
}

// defaultHeadroom is that of a manifest that does not say.
const defaultHeadroom = 1

// OnCPU reports whether CPU use counts, so that there is a HorizontalPodAutoscaler.
func (a *AutoscalingSpec) OnCPU() bool { return ptr.Deref(a.TargetCPUUtilizationPercentage, 80) > 0 }

// OnConnections reports whether connections count.
func (a *AutoscalingSpec) OnConnections() bool { return a.TargetConnections != nil }

// LeastReplicas returns the minimum number of gateways.
func (a *AutoscalingSpec) LeastReplicas() int32 { return ptr.Deref(a.MinReplicas, 1) }

// SpareReplicas returns the number of gateways beyond those that the clients need.
func (a *AutoscalingSpec) SpareReplicas() int32 { return ptr.Deref(a.Headroom, defaultHeadroom) }

// MinConnected returns how long a client has been connected before it is asked to reconnect.
func (r *RebalanceSpec) MinConnected() time.Duration {
	return time.Duration(r.MinConnectedSeconds) * time.Second
}

// The annotations of a RealtimeService that people set.
const (
	// AnnotationUpdate requests the update that is due, with any value that differs from the last
	// one.
	AnnotationUpdate = "realtime-operator.io/update"
	// AnnotationPaused with the value "true" makes the operator change nothing of the service.
	AnnotationPaused = "realtime-operator.io/paused"
)

// UpdatePolicyType says when pods of an earlier release of the operator are replaced.
// +kubebuilder:validation:Enum=OnRequest;Window;Immediate
type UpdatePolicyType string

// The types of update policies.
const (
	// UpdateOnRequest waits for the annotation AnnotationUpdate.
	UpdateOnRequest UpdatePolicyType = "OnRequest"
	// UpdateInWindow waits for a maintenance window, or for a request.
	UpdateInWindow UpdatePolicyType = "Window"
	// UpdateImmediately does not wait.
	UpdateImmediately UpdatePolicyType = "Immediate"
)

// UpdatePolicySpec says when an update of the operator replaces the gateways, and the NATS that the
// operator runs. A change of the manifest that replaces them never waits, and brings the newest
// release.
//
// +kubebuilder:validation:XValidation:rule="(has(self.type) && self.type == 'Window') == (has(self.windows) && size(self.windows) > 0)",message="windows are for type Window, which needs at least one",fieldPath=".windows"
type UpdatePolicySpec struct {
	// type is OnRequest (when the annotation realtime-operator.io/update of the service gets
	// another value), Window (in a maintenance window, or on request) or Immediate. Services take
	// turns in any case.
	// +optional
	// +kubebuilder:default=OnRequest
	Type UpdatePolicyType `json:"type,omitempty"`

	// windows are the maintenance windows. An update that has begun goes on when its window ends.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	Windows []MaintenanceWindow `json:"windows,omitempty"`
}

// MaintenanceWindow is a time that comes again and again.
type MaintenanceWindow struct {
	// schedule is when the window begins, as the schedule of a CronJob: minute, hour, day of the
	// month, month and day of the week.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Schedule string `json:"schedule,omitempty"`

	// duration is how long the window lasts.
	// +required
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1m') && duration(self) <= duration('168h')",message="must be from 1m to 168h"
	Duration Age `json:"duration,omitzero"` //nolint:kubeapilinter // it is a string, and required: an empty one is refused

	// timeZone of the schedule, such as Europe/Berlin.
	// +optional
	// +kubebuilder:default="Etc/UTC"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`
}
