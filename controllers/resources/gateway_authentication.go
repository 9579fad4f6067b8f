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

// authenticationVolume is the name of the volume of a Secret. Names of Secrets may be longer than
// those of volumes.
func authenticationVolume(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "authentication-" + hex.EncodeToString(sum[:8])
}

// addAuthentication mounts the Secrets with keys and tokens of clients, each at a folder of its
// name, and in the order of their names, so that only a Secret that comes or goes replaces the
// gateways. What is in a Secret reaches them without that, and one that is missing keeps none from
// starting: other clients must not wait for it.
func addAuthentication(svc *v1alpha1.RealtimeService, pod *corev1.PodSpec) {
	secrets := svc.AuthenticationSecrets()
	if len(secrets) == 0 {
		return
	}
	gateway := &pod.Containers[0]
	gateway.Args = append(gateway.Args, "--authentication-dir="+authenticationDir)
	for _, secret := range secrets {
		name := authenticationVolume(secret)
		pod.Volumes = append(pod.Volumes, corev1.Volume{
			Name:         name,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: secret, Optional: ptr.To(true)}},
		})
		gateway.VolumeMounts = append(gateway.VolumeMounts, corev1.VolumeMount{
			Name: name, MountPath: authenticationDir + "/" + secret, ReadOnly: true,
		})
	}
}
