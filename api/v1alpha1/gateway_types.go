// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// GatewaySpec describes the gateway Deployment, its Service and its number of pods.
//
// +kubebuilder:validation:XValidation:rule="!has(self.autoscaling) || self.autoscaling.minReplicas <= self.autoscaling.maxReplicas",message="minReplicas must not be greater than maxReplicas",fieldPath=".autoscaling.minReplicas"
type GatewaySpec struct {
	// replicas is the number of gateways while autoscaling is absent. `kubectl scale` sets it.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Replicas *int32 `json:"replicas,omitempty"`

	// autoscaling lets a HorizontalPodAutoscaler set the number of gateways. If absent, replicas
	// sets it.
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

// AutoscalingSpec configures the HorizontalPodAutoscaler of the gateways.
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
	// It needs metrics-server.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	TargetCPUUtilizationPercentage *int32 `json:"targetCPUUtilizationPercentage,omitempty"`
}
