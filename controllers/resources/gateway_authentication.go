// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"crypto/sha256"
	"encoding/hex"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

const authenticationDir = "/etc/realtime/authentication"

// authenticationVolume is the name of the volume of a folder. Names of Secrets may be longer than
// those of volumes.
func authenticationVolume(folder string) string {
	sum := sha256.Sum256([]byte(folder))
	return "authentication-" + hex.EncodeToString(sum[:8])
}

// addAuthentication mounts the Secrets with keys and tokens of clients, each at a folder of its
// name, and the ConfigMaps with authorities, in the order of their names, so that only one that
// comes or goes replaces the gateways. What is in it reaches them without that, and one that is
// missing keeps none from starting: other clients must not wait for it.
func addAuthentication(svc *v1alpha1.RealtimeService, pod *corev1.PodSpec) {
	secrets, configMaps := svc.AuthenticationSecrets(), svc.AuthenticationConfigMaps()
	gateway := &pod.Containers[0]
	if len(secrets)+len(configMaps) > 0 {
		gateway.Args = append(gateway.Args, "--authentication-dir="+authenticationDir)
	}
	mount := func(folder string, source corev1.VolumeSource) {
		name := authenticationVolume(folder)
		pod.Volumes = append(pod.Volumes, corev1.Volume{Name: name, VolumeSource: source})
		gateway.VolumeMounts = append(gateway.VolumeMounts, corev1.VolumeMount{
			Name: name, MountPath: authenticationDir + "/" + folder, ReadOnly: true,
		})
	}
	for _, name := range secrets {
		mount(name, corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: name, Optional: ptr.To(true)}})
	}
	for _, name := range configMaps {
		mount(v1alpha1.AuthenticationConfigMapsDir+"/"+name, corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: name}, Optional: ptr.To(true),
		}})
	}
}
