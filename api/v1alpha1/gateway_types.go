// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// GatewaySpec describes the gateway Deployment, its Service and how many pods it has.
//
// +kubebuilder:validation:XValidation:rule="!has(self.autoscaling) || self.autoscaling.minReplicas <= self.autoscaling.maxReplicas",message="minReplicas must not be greater than maxReplicas",fieldPath=".autoscaling.minReplicas"
type GatewaySpec struct {
	// replicas is the number of gateways while autoscaling is left out; `kubectl scale` sets it.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Replicas *int32 `json:"replicas,omitempty"`

	// autoscaling hands the number of gateways to a HorizontalPodAutoscaler.
	// +optional
	Autoscaling *AutoscalingSpec `json:"autoscaling,omitempty"`

	// image replaces the operator's own gateway image.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	Image string `json:"image,omitempty"`

	// imagePullSecrets are for a private registry.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// resources of the gateway container. A CPU request is what autoscaling on CPU is measured against.
	// +optional
	// +kubebuilder:default={requests: {cpu: "100m", memory: "128Mi"}}
	Resources corev1.ResourceRequirements `json:"resources,omitempty"`

	// nodeSelector of the gateway pods.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of the gateway pods.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// podAnnotations are added to the gateway pods.
	// +optional
	PodAnnotations map[string]string `json:"podAnnotations,omitempty"`

	// drain is how a leaving gateway hands its clients over.
	// +optional
	Drain *DrainSpec `json:"drain,omitempty"`

	// rollout is how new gateways replace old ones.
	// +optional
	Rollout *RolloutSpec `json:"rollout,omitempty"`

	// terminationGracePeriodSeconds is how long a leaving gateway may take to hand its clients over, in
	// seconds. They are told to reconnect at drain.rate, or evenly over the first two thirds of it. Left out it is 30, and
	// 3600 with drain.rate: a gateway ends as soon as its last client has gone.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`

	// service is how clients reach the gateways.
	// +optional
	// +kubebuilder:default={}
	Service GatewayServiceSpec `json:"service,omitzero"`
}

// DrainSpec says how a leaving gateway hands its clients over.
type DrainSpec struct {
	// rate is how many clients a leaving gateway tells to reconnect in a second. It is raised where
	// terminationGracePeriodSeconds would end before the last one is told. Left out, they are told evenly over two thirds of that.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000000
	Rate *int32 `json:"rate,omitempty"`
}

// RolloutSpec says how new gateways replace old ones.
type RolloutSpec struct {
	// maxSurge is how many gateways there may be beyond their number while new ones come: a number, or a percentage of
	// theirs, more than 0. At 100% all new ones come up together, so that each client is sent away once.
	// +optional
	// +kubebuilder:default="100%"
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self >= 1 && self <= 1000 : self.matches('^([1-9][0-9]?|100)%$')",message="must be a number from 1 to 1000, or a percentage from 1% to 100%"
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
}

// MaxSurge is how many gateways there may be beyond their number in a rollout.
func (g *GatewaySpec) MaxSurge() intstr.IntOrString {
	if g.Rollout == nil || g.Rollout.MaxSurge == nil {
		return intstr.FromString("100%")
	}
	return *g.Rollout.MaxSurge
}

// DrainRate is how many clients a second a leaving gateway tells to go; 0 if the manifest does not say.
func (g *GatewaySpec) DrainRate() int32 {
	if g.Drain == nil || g.Drain.Rate == nil {
		return 0
	}
	return *g.Drain.Rate
}

// GatewayServiceSpec shapes the Service in front of the gateways.
type GatewayServiceSpec struct {
	// type of the Service.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`

	// port clients connect to.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// webTransportPort is the UDP port that clients connect to while spec.protocol.webTransport is there. A client uses one
	// port number for all transports: this should be the one at which it finds the others, which is 443 behind an ingress.
	// +optional
	// +kubebuilder:default=443
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	WebTransportPort int32 `json:"webTransportPort,omitempty"`

	// annotations of the Service, for the cloud's load balancer.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}

// AutoscalingSpec bounds the HorizontalPodAutoscaler of the gateways.
type AutoscalingSpec struct {
	// minReplicas is the fewest gateways.
	// +optional
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MinReplicas *int32 `json:"minReplicas,omitempty"`

	// maxReplicas is the most gateways.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	MaxReplicas int32 `json:"maxReplicas,omitempty"`

	// targetCPUUtilizationPercentage is the average CPU use to aim for, in percent of the request.
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	TargetCPUUtilizationPercentage *int32 `json:"targetCPUUtilizationPercentage,omitempty"`
}
