// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/monitoring"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// applyNATS applies the service's own NATS, before the gateways that need it.
func (r *Reconciler) applyNATS(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) error {
	if !resources.OwnNATS(svc) {
		r.Metrics.Forget(monitoring.NATS, keyOf(svc))
		return nil
	}
	r.memory.of(keyOf(svc)).natsRemoved = false
	identity, err := r.applyNATSIdentity(ctx, svc, seen)
	if err != nil {
		return err
	}
	seen.identity = identity
	config := resources.NATSConfigMap(svc, seen.plan.plaintext)
	resources.SetNATSConfig(config, seen.plan.nats.Rendering.Config)
	objects := []client.Object{
		resources.NATSServiceAccount(svc),
		resources.NATSService(svc),
		resources.NATSDisruptionBudget(svc),
		config,
	}
	if service := resources.NATSRouteService(svc); service != nil {
		objects = append(objects, service)
	}
	for _, claim := range resources.NATSClaims(svc) {
		objects = append(objects, claim)
	}
	set := resources.NATSStatefulSet(svc, r.NATSImage, config, identity)
	set.Spec.Template = resources.NATSPods(seen.plan.nats.Rendering.Template, config, identity)
	errs := []error{seen.plan.nats.stamp(set)}
	for _, object := range objects {
		errs = append(errs, r.Objects.Apply(ctx, svc, object))
	}
	errs = append(errs, r.applyNATSSet(ctx, svc, set))
	for _, servers := range resources.NATSCounts() {
		if servers != svc.Spec.NATSServers() {
			errs = append(errs, r.removeNATSSet(ctx, svc, servers))
		}
	}
	return errors.Join(errs...)
}

// applyNATSSet applies the StatefulSet. One whose templates for claims would have to change is
// deleted, and its pods stay: the next one, which the next reconciliation creates, adopts and
// replaces them one by one.
func (r *Reconciler) applyNATSSet(ctx context.Context, svc *v1alpha1.RealtimeService, set *appsv1.StatefulSet) error {
	live := &appsv1.StatefulSet{}
	err := r.Client.Get(ctx, client.ObjectKeyFromObject(set), live)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("read StatefulSet %s: %w", set.Name, err)
	}
	if err == nil && metav1.IsControlledBy(live, svc) && !resources.KeepNATSClaimTemplates(set, live) {
		uid := live.UID
		err := r.Client.Delete(ctx, live, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationOrphan))
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("replace StatefulSet %s: %w", set.Name, err)
		}
		return nil
	}
	return r.Objects.Apply(ctx, svc, set)
}

// removeNATSSet deletes the servers of a NATS of another number of servers than is wanted. Their
// claims stay.
func (r *Reconciler) removeNATSSet(ctx context.Context, svc *v1alpha1.RealtimeService, servers int32) error {
	name := metav1.ObjectMeta{Name: resources.NATSSetName(svc.Name, servers), Namespace: svc.Namespace}
	err := r.Objects.Remove(ctx, svc, r.Client, &appsv1.StatefulSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "StatefulSet"}, ObjectMeta: name,
	})
	if servers == 1 {
		return err // its Service is that of gateways
	}
	return errors.Join(err, r.Objects.Remove(ctx, svc, r.Client, &corev1.Service{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: name,
	}))
}

// applyNATSIdentity makes and renews the Secrets that NATS and its clients read.
func (r *Reconciler) applyNATSIdentity(ctx context.Context, svc *v1alpha1.RealtimeService, seen *observation) (resources.NATSIdentity, error) {
	if seen.secretsKnown {
		return r.memory.of(keyOf(svc)).secrets.nats, nil
	}
	credentials, err := r.applyCredentials(ctx, svc)
	if err != nil {
		return resources.NATSIdentity{}, err
	}
	identity, err := r.applyNATSCertificate(ctx, svc)
	identity.Credentials = credentials
	return identity, err
}

// applyNATSCertificate makes and renews the certificate of NATS, and returns an identity with its
// revision.
func (r *Reconciler) applyNATSCertificate(ctx context.Context, svc *v1alpha1.RealtimeService) (resources.NATSIdentity, error) {
	var none resources.NATSIdentity
	secret, live, err := r.ownSecret(ctx, svc, resources.NATSCertificateName(svc.Name))
	if err != nil {
		return none, err
	}
	data, err := certificates.RenewNATS(secret.Data, resources.NATSHosts(svc), svc.Spec.NATSServers() > 1, r.Now())
	if err != nil {
		return none, fmt.Errorf("renew the certificate of NATS: %w", err)
	}
	if at, ok := certificates.Expiry(data); ok {
		r.Metrics.Expires(monitoring.NATS, keyOf(svc), at)
	}
	wanted, identity := resources.NATSCertificate(svc, data)
	return identity, r.Objects.ApplyOver(ctx, svc, live, wanted)
}

// needsPlaintext reports whether gateways of a release that did not encrypt are left during an
// update. If NATS refuses plaintext, that is permanent.
func (r *Reconciler) needsPlaintext(ctx context.Context, svc *v1alpha1.RealtimeService) (bool, error) {
	config := &corev1.ConfigMap{}
	key := client.ObjectKeyFromObject(resources.NATSConfigMap(svc, false))
	err := r.Client.Get(ctx, key, config)
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read ConfigMap %s: %w", key.Name, err)
	}
	if !resources.NATSTakesPlaintext(config) {
		return false, nil
	}
	pods, err := r.gatewayPods(ctx, svc)
	return slices.ContainsFunc(pods, resources.SpeaksPlaintext), err
}

// ownSecret returns a Secret of the service: an empty one, and live nil, if it does not exist. It
// is read from the API server: a cache would need the right to list all Secrets.
func (r *Reconciler) ownSecret(ctx context.Context, svc *v1alpha1.RealtimeService, name string) (secret *corev1.Secret, live client.Object, err error) {
	secret = &corev1.Secret{}
	err = r.Reader.Get(ctx, client.ObjectKey{Namespace: svc.Namespace, Name: name}, secret)
	switch {
	case apierrors.IsNotFound(err):
		return secret, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	if err := r.Objects.Check("Secret "+name, secret, svc); err != nil {
		return nil, nil, err
	}
	return secret, secret, nil
}

// doubtSecrets remembers that the service's own Secrets need not be read for a while, unless
// something is wrong: somebody may have deleted or changed one. It reports whether they were not
// read this time, and are to be read soon.
func (r *Reconciler) doubtSecrets(svc *v1alpha1.RealtimeService, seen *observation, err error) bool {
	remembered := r.memory.of(keyOf(svc))
	if err != nil || !allIsWell(svc, seen) {
		remembered.secrets = ownSecrets{}
		return seen.secretsKnown
	}
	if !seen.secretsKnown {
		remembered.secrets = ownSecrets{svc.Generation, untilRead(r.Now()), seen.identity}
	}
	return false
}

// allIsWell reports whether all pods are ready that there should be, and connected to NATS. That is
// more than Ready, which one gateway may miss that was added later.
func allIsWell(svc *v1alpha1.RealtimeService, seen *observation) bool {
	return meta.IsStatusConditionTrue(svc.Status.Conditions, v1alpha1.ConditionReady) &&
		len(seen.Ready()) >= int(seen.Wanted(svc)) &&
		(!resources.OwnNATS(svc) || seen.NATSReady && seen.Rollout.NATS) &&
		!slices.ContainsFunc(seen.Gateways, func(g status.Gateway) bool { return g.CutOff() })
}

// applyCredentials makes the credentials once and keeps them.
func (r *Reconciler) applyCredentials(ctx context.Context, svc *v1alpha1.RealtimeService) (resources.Credentials, error) {
	var none resources.Credentials
	secret, live, err := r.ownSecret(ctx, svc, resources.NATSCredentialsName(svc.Name))
	if err != nil {
		return none, err
	}
	credentials, ok := resources.CredentialsOf(secret)
	if !ok {
		if credentials, err = resources.NewCredentials(rand.Reader); err != nil {
			return none, err
		}
	}
	if err := r.Objects.ApplyOver(ctx, svc, live, resources.NATSCredentials(svc, credentials)); err != nil {
		return none, err
	}
	return credentials, nil
}

// removeNATS deletes the service's own NATS when spec.nats names another one and no gateway is left
// that uses it.
func (r *Reconciler) removeNATS(ctx context.Context, svc *v1alpha1.RealtimeService) error {
	remembered := r.memory.of(keyOf(svc))
	if resources.OwnNATS(svc) || remembered.natsRemoved {
		return nil
	}
	deployment, err := r.deployment(ctx, svc)
	if err != nil {
		return err
	}
	if deployment == nil || resources.UsesOwnNATS(svc, deployment) || !status.RolledOut(deployment) {
		return nil // a change of the Deployment triggers the next reconciliation
	}
	certificate, _ := resources.NATSCertificate(svc, nil)
	config := resources.NATSConfigMap(svc, false)
	var errs []error
	for _, secret := range []client.Object{resources.NATSCredentials(svc, resources.Credentials{}), certificate} {
		errs = append(errs, r.Objects.Remove(ctx, svc, r.Reader, secret))
	}
	for _, object := range []client.Object{
		resources.NATSService(svc),
		resources.NATSDisruptionBudget(svc),
		config,
		resources.NATSServiceAccount(svc),
	} {
		errs = append(errs, r.Objects.Remove(ctx, svc, r.Client, object))
	}
	for _, servers := range resources.NATSCounts() {
		errs = append(errs, r.removeNATSSet(ctx, svc, servers))
	}
	errs = append(errs, r.applyNetworkPolicy(ctx, svc, resources.NATSName(svc.Name), nil))
	err = errors.Join(errs...)
	remembered.natsRemoved = err == nil
	return err
}

// deployment returns the Deployment of the gateways, nil if there is none.
func (r *Reconciler) deployment(ctx context.Context, svc *v1alpha1.RealtimeService) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: svc.Namespace, Name: resources.GatewayName(svc.Name)}
	err := r.Client.Get(ctx, key, deployment)
	if apierrors.IsNotFound(err) || err == nil && !metav1.IsControlledBy(deployment, svc) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Deployment %s: %w", key.Name, err)
	}
	return deployment, nil
}
