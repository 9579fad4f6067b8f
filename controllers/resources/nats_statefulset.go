// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"cmp"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const (
	natsConfigDir   = "/etc/nats"
	natsDataDir     = "/data"
	natsDataVolume  = "data"
	natsGracePeriod = 10
	// natsClusterGrace is longer than lame_duck_duration.
	natsClusterGrace = 45
	// natsCatchUp is how many seconds a server of a cluster may take to get what it has missed,
	// before it is started again.
	natsCatchUp = 3600
)

// NATSIdentity is what NATS reads when it starts, in addition to its configuration.
type NATSIdentity struct {
	Credentials
	// Certificate is the revision of its certificate; see NATSCertificate.
	Certificate string
	// Authorities is the revision of those that the servers of a cluster trust; empty for a single
	// server. All servers trust a new authority before a certificate of it is used.
	Authorities string
}

// NATSStatefulSet runs one NATS server, or three that form a cluster, with storage for a service
// with recovery. A pod is replaced when something that it reads at its start has changed: its
// configuration, the credentials or its certificate. Those of a cluster are replaced one by one,
// each when the one before has caught up with what it has missed.
func NATSStatefulSet(svc *v1alpha1.RealtimeService, image string, config *corev1.ConfigMap, identity NATSIdentity) *appsv1.StatefulSet {
	servers, managed := max(1, svc.Spec.NATSServers()), svc.Spec.ManagedNATS()
	meta := owned(svc, NATSSetName(svc.Name, servers), componentNATS)
	template := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels:      with(managed.PodLabels, meta.Labels),
			Annotations: managed.PodAnnotations,
		},
		Spec: natsPod(svc, image, identity),
	}
	return &appsv1.StatefulSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"},
		ObjectMeta: meta,
		Spec: appsv1.StatefulSetSpec{
			Replicas:    ptr.To(servers),
			ServiceName: meta.Name,
			// With OrderedReady, a pod that cannot start would never be replaced by one that can.
			// And the servers of a cluster wait for each other.
			PodManagementPolicy:  appsv1.ParallelPodManagement,
			Selector:             &metav1.LabelSelector{MatchLabels: selector(svc.Name, componentNATS)},
			Template:             NATSPods(template, config, identity),
			VolumeClaimTemplates: natsClaimTemplates(svc),
		},
	}
}

// NATSPods returns NATS's pods, of this release or an earlier one, for a configuration and an
// identity.
func NATSPods(template corev1.PodTemplateSpec, config *corev1.ConfigMap, identity NATSIdentity) corev1.PodTemplateSpec {
	template = *template.DeepCopy()
	// A hash of a random password reveals nothing about it.
	revision := gatewaystatus.Revision([]byte(NATSConfig(config) + "\x00" + identity.Username + "\x00" + identity.Password))
	metav1.SetMetaDataAnnotation(&template.ObjectMeta, annotationNATSRevision, revision)
	for i := range template.Spec.Volumes {
		if v := &template.Spec.Volumes[i]; v.Name == natsCertificateVolume && v.Secret != nil {
			v.Secret.Items = natsCertificateItems(identity)
		}
	}
	return template
}

func natsPod(svc *v1alpha1.RealtimeService, image string, identity NATSIdentity) corev1.PodSpec {
	managed := svc.Spec.ManagedNATS()
	resources := natsResources(&managed)
	pod := corev1.PodSpec{
		ServiceAccountName:            NATSName(svc.Name),
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To[int64](natsGracePeriod),
		SecurityContext:               podSecurity(),
		Containers: []corev1.Container{{
			Name:            "nats",
			Image:           cmp.Or(managed.Image, image),
			ImagePullPolicy: corev1.PullIfNotPresent,
			// All variants of the official image accept flags only.
			Args: []string{"--config=" + natsConfigDir + "/" + natsConfigKey},
			Env:  natsEnvironment(svc, resources),
			Ports: []corev1.ContainerPort{
				{Name: natsPortName, ContainerPort: natsPort, Protocol: corev1.ProtocolTCP},
				{Name: natsMonitorPortName, ContainerPort: natsMonitorPort, Protocol: corev1.ProtocolTCP},
			},
			LivenessProbe:            probe("/healthz", natsMonitorPortName, 10),
			ReadinessProbe:           probe("/healthz", natsMonitorPortName, 1),
			Resources:                resources,
			TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
			SecurityContext:          containerSecurity(),
			VolumeMounts:             natsMounts(svc),
		}},
		Volumes: natsVolumes(svc, identity),
	}
	place(&pod, &managed.PodSettings)
	if len(managed.ImagePullSecrets) == 0 {
		pod.ImagePullSecrets = svc.Spec.Gateway.ImagePullSecrets
	}
	constraints := managed.TopologySpreadConstraints
	if clustered(svc) {
		natsMember(&pod)
		if len(constraints) == 0 {
			constraints = apart()
		}
	}
	pod.TopologySpreadConstraints = spread(constraints, selector(svc.Name, componentNATS), "")
	return pod
}

// natsMember makes a pod's server one of a cluster.
//
// It is ready when it has joined the cluster and has what it has missed; until then a StatefulSet
// replaces no other, and a disruption budget lets none go. After that it is ready as long as it
// takes clients: if two servers fail, the third has no quorum, and still passes on what is not
// stored. It is restarted if JetStream has given up, as on a disk that fails. While it ends, it
// hands over the streams that it leads first, so that nothing waits for an election; where the
// image has no nats-server in its path, it just ends.
func natsMember(pod *corev1.PodSpec) {
	pod.TerminationGracePeriodSeconds = ptr.To[int64](natsClusterGrace)
	c := &pod.Containers[0]
	c.Args = append(c.Args, "--name=$("+v1alpha1.EnvPodName+")")
	c.Env = append(c.Env, corev1.EnvVar{Name: v1alpha1.EnvPodName, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.name"},
	}})
	c.Ports = append(c.Ports, corev1.ContainerPort{Name: natsRoutePortName, ContainerPort: natsRoutePort, Protocol: corev1.ProtocolTCP})
	c.StartupProbe = probe("/healthz", natsMonitorPortName, 1)
	c.StartupProbe.FailureThreshold = natsCatchUp
	c.ReadinessProbe = probe("/healthz?js-server-only=true", natsMonitorPortName, 1)
	c.LivenessProbe = probe("/healthz?js-enabled-only=true", natsMonitorPortName, 10)
	c.Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{
		Exec: &corev1.ExecAction{Command: []string{"nats-server", "--signal", "ldm=1"}},
	}}
}

// natsResources returns the resources of the manifest, or the defaults. The limit is far above what
// one server takes: NATS holds up to max_pending for each gateway that does not read. It keeps a
// leak from taking the node, and a quota for memory limits from refusing the pod. There is no limit
// of CPU, since each throttled moment delays all events.
func natsResources(managed *v1alpha1.ManagedNATSSpec) corev1.ResourceRequirements {
	if managed.Resources != nil {
		return *managed.Resources
	}
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse("50m"),
			corev1.ResourceMemory: resource.MustParse("64Mi"),
		},
		Limits: corev1.ResourceList{
			corev1.ResourceMemory: resource.MustParse("1Gi"),
		},
	}
}

// natsMemoryLimit returns the GOMEMLIMIT for a memory limit: it leaves a tenth to what Go does not
// count. NATS also derives from it how much memory JetStream may reserve, which otherwise is that
// of the node.
func natsMemoryLimit(limit *resource.Quantity) string {
	return strconv.FormatInt(limit.Value()/10*9, 10) + "B"
}

func natsMounts(svc *v1alpha1.RealtimeService) []corev1.VolumeMount {
	mounts := []corev1.VolumeMount{
		{Name: "config", MountPath: natsConfigDir, ReadOnly: true},
		{Name: natsCertificateVolume, MountPath: natsCertificateDir, ReadOnly: true},
	}
	if svc.Spec.Recovery != nil {
		mounts = append(mounts, corev1.VolumeMount{Name: natsDataVolume, MountPath: natsDataDir})
	}
	return mounts
}

func natsVolumes(svc *v1alpha1.RealtimeService, identity NATSIdentity) []corev1.Volume {
	volumes := []corev1.Volume{{
		Name: "config",
		VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: natsConfigName(svc.Name)},
		}},
	}, natsCertificateMount(svc, identity)}
	r := svc.Spec.Recovery
	if r == nil || clustered(svc) && claimed(svc) {
		return volumes // the volume of a claim of a template has its name
	}
	data := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &r.Storage.Size}}
	if r.Storage.Persistent {
		data = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: NATSName(svc.Name)}}
	}
	return append(volumes, corev1.Volume{Name: natsDataVolume, VolumeSource: data})
}

func natsEnvironment(svc *v1alpha1.RealtimeService, resources corev1.ResourceRequirements) []corev1.EnvVar {
	from := func(variable, key string) corev1.EnvVar {
		return corev1.EnvVar{Name: variable, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: NATSCredentialsName(svc.Name)},
			Key:                  key,
		}}}
	}
	env := []corev1.EnvVar{from("NATS_USERNAME", keyUsername), from("NATS_PASSWORD", keyPassword)}
	if limit := resources.Limits.Memory(); !limit.IsZero() {
		env = append(env, corev1.EnvVar{Name: "GOMEMLIMIT", Value: natsMemoryLimit(limit)})
	}
	return env
}
