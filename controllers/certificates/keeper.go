// SPDX-License-Identifier: Apache-2.0

// Package certificates makes and renews the certificates of the webhook, those by which a service's
// gateways authenticate each other, and that of a service's own NATS, so that the operator needs no
// other program for it.
//
// For the webhook, an authority of the operator's own and a serving certificate are kept in a
// Secret that all replicas read and any of them renews; the authority is written into the
// ValidatingWebhookConfiguration.
package certificates

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// The rights on the Secret are in the operator's own namespace, in
// config/rbac/leader_election_role.yaml.
//
// +kubebuilder:rbac:groups=admissionregistration.k8s.io,resources=validatingwebhookconfigurations,resourceNames=realtime-operator,verbs=get;patch

const (
	// lookEvery is how often everything is checked. If somebody overwrites the configuration, or
	// deletes the Secret, it is repaired after that time at most.
	lookEvery = 10 * time.Second
	// retryEvery is how often it is checked while something is missing: during an installation the
	// operator may start before its configuration exists, and every service is refused until both
	// are there.
	retryEvery = time.Second
)

// Keeper maintains the webhook's certificate. Every replica runs one. Its fields are set before it
// starts; GetCertificate and Ready may be called at any time.
type Keeper struct {
	// Reader reads from the API server, Writer writes.
	Reader client.Reader
	Writer client.Writer
	// Namespace and Secret name the Secret with the certificates.
	Namespace, Secret string
	// Configuration is the ValidatingWebhookConfiguration that must trust them. The Secret is
	// deleted with it.
	Configuration string
	// Hosts are the names by which the API server calls the webhook.
	Hosts []string
	// Now is the clock.
	Now func() time.Time
	// Expires is told when the certificate expires, whenever it is checked; it may be nil.
	Expires func(time.Time)

	// serving is nil until the API server trusts it.
	serving atomic.Pointer[tls.Certificate]
}

var (
	_ manager.Runnable               = (*Keeper)(nil)
	_ manager.LeaderElectionRunnable = (*Keeper)(nil)
)

// NeedLeaderElection returns false: every replica answers the API server.
func (k *Keeper) NeedLeaderElection() bool { return false }

// Start maintains the certificates until the context ends.
func (k *Keeper) Start(ctx context.Context) error {
	logger := log.FromContext(ctx).WithName("certificates")
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		pace := lookEvery
		if err := k.keep(ctx); err != nil && ctx.Err() == nil {
			logger.Error(err, "cannot keep the webhook's certificates")
			pace = retryEvery
		}
		next.Reset(pace)
	}
}

// GetCertificate is for tls.Config: each handshake uses the newest certificate.
func (k *Keeper) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate := k.serving.Load()
	if certificate == nil {
		return nil, k.Ready()
	}
	return certificate, nil
}

// Ready returns an error until there is a certificate that the API server trusts.
func (k *Keeper) Ready() error {
	if k.serving.Load() == nil {
		return errors.New("the webhook has no certificate yet")
	}
	return nil
}

// keep checks and repairs everything once: an authority is trusted before its certificate is
// served.
func (k *Keeper) keep(ctx context.Context) error {
	configuration := &admissionv1.ValidatingWebhookConfiguration{}
	if err := k.Reader.Get(ctx, client.ObjectKey{Name: k.Configuration}, configuration); err != nil {
		return fmt.Errorf("read ValidatingWebhookConfiguration %s: %w", k.Configuration, err)
	}
	data, err := k.renewSecret(ctx, configuration)
	if err != nil {
		return err
	}
	if err := k.trust(ctx, configuration, data[keyTrusted]); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(data[keyServing], data[keyServingKey])
	if err != nil {
		return fmt.Errorf("read the serving certificate: %w", err)
	}
	k.serving.Store(&pair)
	if at, ok := Expiry(data); ok && k.Expires != nil {
		k.Expires(at)
	}
	return nil
}

// renewSecret returns the Secret's data, renewed if it is time. If two replicas do so at once, the
// write of the second is refused, and it reads that of the first next time.
func (k *Keeper) renewSecret(ctx context.Context, owner *admissionv1.ValidatingWebhookConfiguration) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	err := k.Reader.Get(ctx, client.ObjectKey{Namespace: k.Namespace, Name: k.Secret}, secret)
	missing := apierrors.IsNotFound(err)
	if err != nil && !missing {
		return nil, fmt.Errorf("read Secret %s: %w", k.Secret, err)
	}
	data, renewed, err := renew(secret.Data, k.Hosts, k.Now())
	if err != nil {
		return nil, err
	}
	adopted := adopt(secret, owner)
	if !missing && !renewed && !adopted {
		return data, nil
	}
	secret.Data = data
	if missing {
		secret.Namespace, secret.Name, secret.Type = k.Namespace, k.Secret, corev1.SecretTypeTLS
		err = k.Writer.Create(ctx, secret)
	} else {
		err = k.Writer.Update(ctx, secret)
	}
	if err != nil {
		return nil, fmt.Errorf("write Secret %s: %w", k.Secret, err)
	}
	log.FromContext(ctx).Info("renewed the webhook's certificates", "secret", k.Secret)
	return data, nil
}

// adopt makes the Secret be deleted when the operator is uninstalled. It returns false if nothing
// has changed.
func adopt(secret *corev1.Secret, owner *admissionv1.ValidatingWebhookConfiguration) bool {
	if len(secret.OwnerReferences) == 1 && secret.OwnerReferences[0].UID == owner.UID {
		return false
	}
	secret.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: admissionv1.SchemeGroupVersion.String(),
		Kind:       "ValidatingWebhookConfiguration",
		Name:       owner.Name,
		UID:        owner.UID,
	}}
	return true
}

// trust writes the authorities into every webhook of the configuration.
func (k *Keeper) trust(ctx context.Context, configuration *admissionv1.ValidatingWebhookConfiguration, trusted []byte) error {
	before := configuration.DeepCopy()
	changed := false
	for i := range configuration.Webhooks {
		to := &configuration.Webhooks[i].ClientConfig
		if !bytes.Equal(to.CABundle, trusted) {
			to.CABundle = trusted
			changed = true
		}
	}
	if !changed {
		return nil
	}
	patch := client.StrategicMergeFrom(before, client.MergeFromWithOptimisticLock{})
	if err := k.Writer.Patch(ctx, configuration, patch); err != nil {
		return fmt.Errorf("write the authority into ValidatingWebhookConfiguration %s: %w", k.Configuration, err)
	}
	return nil
}
