// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The ports of a gateway.
const (
	// GatewayPort is the port for clients.
	GatewayPort = 3000
	// OpsPort is the port for Kubernetes, Prometheus and the operator.
	OpsPort = 9090
	// PeerPort is the port for the service's other gateways and the operator, which authenticate
	// themselves.
	PeerPort = 7443

	gatewayPortName = "socketio"
	opsPortName     = "ops"
	peerPortName    = "peers"
)

const (
	configDir      = "/etc/realtime/config"
	credentialsDir = "/etc/realtime/nats"
	peerDir        = "/etc/realtime/peers"
)

func gatewayPod(svc *v1alpha1.RealtimeService, image string) corev1.PodSpec {
	gateway := svc.Spec.Gateway
	pod := corev1.PodSpec{
		ServiceAccountName:            GatewayName(svc.Name),
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To(gracePeriod(svc)),
		SecurityContext:               podSecurity(),
		Containers:                    []corev1.Container{gatewayContainer(svc, image)},
		Volumes:                       gatewayVolumes(svc),
	}
	place(&pod, &gateway.PodSettings)
	pod.TopologySpreadConstraints = gatewaySpread(svc)
	addWebTransport(svc, &pod)
	addAuthentication(svc, &pod)
	return pod
}

func gatewayContainer(svc *v1alpha1.RealtimeService, image string) corev1.Container {
	if svc.Spec.Gateway.Image != "" {
		image = svc.Spec.Gateway.Image
	}
	return corev1.Container{
		Name:            "gateway",
		Image:           image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Args:            gatewayArgs(svc),
		Env:             gatewayEnv(svc),
		Ports:           gatewayPorts(svc),
		LivenessProbe:   probe("/healthz", opsPortName, 10),
		// Clients wait for the first answer of a new gateway.
		ReadinessProbe: probe("/readyz", opsPortName, 2),
		Resources:      svc.Spec.Gateway.Resources,
		// What it has logged last is what the status says of one that ends again and again.
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
		SecurityContext:          containerSecurity(),
		VolumeMounts:             gatewayMounts(svc),
	}
}

// gatewayEnv has the manifest's variables behind the operator's, so that they can refer to these:
// $(POD_NAME).
func gatewayEnv(svc *v1alpha1.RealtimeService) []corev1.EnvVar {
	return append([]corev1.EnvVar{
		ofPod(v1alpha1.EnvPodName, "metadata.name"),
		ofPod(v1alpha1.EnvPodIP, "status.podIP"),
		ofPod(v1alpha1.EnvPodRevision, "metadata.labels['"+appsv1.DefaultDeploymentUniqueLabelKey+"']"),
	}, svc.Spec.Gateway.Env...)
}

// ofPod returns an environment variable with a field of the pod.
func ofPod(name, field string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: field}}}
}

func gatewayPorts(svc *v1alpha1.RealtimeService) []corev1.ContainerPort {
	ports := []corev1.ContainerPort{
		{Name: gatewayPortName, ContainerPort: GatewayPort, Protocol: corev1.ProtocolTCP},
		{Name: opsPortName, ContainerPort: OpsPort, Protocol: corev1.ProtocolTCP},
		{Name: peerPortName, ContainerPort: PeerPort, Protocol: corev1.ProtocolTCP},
	}
	if svc.Spec.API != nil {
		ports = append(ports, corev1.ContainerPort{Name: apiPortName, ContainerPort: APIPort, Protocol: corev1.ProtocolTCP})
	}
	return ports
}

func gatewayArgs(svc *v1alpha1.RealtimeService) []string {
	args := []string{
		"gateway",
		"--config=" + configDir + "/" + ConfigKey,
		"--name=$(POD_NAME)",
		"--revision=$(POD_REVISION)",
	}
	for _, url := range natsURLs(svc) {
		args = append(args, "--nats-url="+url)
	}
	if natsCredentials(svc) != nil {
		args = append(args, "--nats-credentials-dir="+credentialsDir)
	}
	if svc.Spec.API != nil {
		args = append(args, "--api-listen=:"+strconv.Itoa(APIPort), "--api-token-file="+apiDir+"/"+apiFile)
	}
	return append(args,
		"--listen=:"+strconv.Itoa(GatewayPort),
		"--ops-listen=:"+strconv.Itoa(OpsPort),
		"--peer-listen=:"+strconv.Itoa(PeerPort),
		"--peer-dir="+peerDir,
		"--peer-address=$(POD_IP)",
		"--client-dir=/client",
		"--drain="+drain(svc).String(),
		"--drain-limit="+drainLimit(svc).String(),
	)
}

// gatewayVolumes mounts the ConfigMap as a directory: a file mounted by subPath would never change.
func gatewayVolumes(svc *v1alpha1.RealtimeService) []corev1.Volume {
	volumes := []corev1.Volume{{
		Name: "config",
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: ConfigMapName(svc.Name)},
		}},
	}, peersVolume(svc)}
	if volume := natsCredentials(svc); volume != nil {
		volumes = append(volumes, *volume)
	}
	if api := svc.Spec.API; api != nil {
		volumes = append(volumes, apiVolume(api))
	}
	return volumes
}

func gatewayMounts(svc *v1alpha1.RealtimeService) []corev1.VolumeMount {
	mounts := []corev1.VolumeMount{
		{Name: "config", MountPath: configDir, ReadOnly: true},
		{Name: peerVolume, MountPath: peerDir, ReadOnly: true},
	}
	if natsCredentials(svc) != nil {
		mounts = append(mounts, corev1.VolumeMount{Name: natsVolume, MountPath: credentialsDir, ReadOnly: true})
	}
	if svc.Spec.API != nil {
		mounts = append(mounts, apiMount())
	}
	return mounts
}

// gatewaySpread returns what the manifest says, or places gateways on different nodes, and in
// different zones, as far as possible. It counts those of one revision: pods that a rollout removes
// do not count.
func gatewaySpread(svc *v1alpha1.RealtimeService) []corev1.TopologySpreadConstraint {
	constraints := svc.Spec.Gateway.TopologySpreadConstraints
	if len(constraints) == 0 {
		constraints = apart()
	}
	return spread(constraints, GatewaySelector(svc.Name), appsv1.DefaultDeploymentUniqueLabelKey)
}
