// SPDX-License-Identifier: Apache-2.0

package certificates

import (
	"bytes"
	"context"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func configuration() *admissionv1.ValidatingWebhookConfiguration {
	return &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "operator", UID: "4711"},
		Webhooks:   []admissionv1.ValidatingWebhook{{Name: "a.example.com"}, {Name: "b.example.com"}},
	}
}

// replica is an operator's keeper whose clock stands at now.
func replica(cluster client.Client, now *time.Time) *Keeper {
	return &Keeper{
		Reader: cluster, Writer: cluster, Namespace: "system", Secret: "certificates", Configuration: "operator", Hosts: hosts,
		Now: func() time.Time { return *now },
	}
}

func mustKeep(t *testing.T, k *Keeper) {
	t.Helper()
	if err := k.keep(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func bundles(t *testing.T, cluster client.Client) [][]byte {
	t.Helper()
	c := &admissionv1.ValidatingWebhookConfiguration{}
	if err := cluster.Get(context.Background(), client.ObjectKey{Name: "operator"}, c); err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for _, w := range c.Webhooks {
		found = append(found, w.ClientConfig.CABundle)
	}
	return found
}

func TestKeeperIsReadyOnceTheAPIServerTrustsIt(t *testing.T) {
	now := start
	cluster := fake.NewClientBuilder().Build()
	k := replica(cluster, &now)
	if err := k.keep(context.Background()); err == nil {
		t.Fatal("it keeps certificates for a configuration that is not there")
	}
	if k.Ready() == nil {
		t.Fatal("it is ready without a configuration that trusts it")
	}
	if _, err := k.GetCertificate(nil); err == nil {
		t.Fatal("it serves a certificate that nobody trusts")
	}

	if err := cluster.Create(context.Background(), configuration()); err != nil {
		t.Fatal(err)
	}
	mustKeep(t, k)

	if err := k.Ready(); err != nil {
		t.Error(err)
	}
	served, err := k.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, bundle := range bundles(t, cluster) {
		if err := trusts(bundle, pairOf(t, cluster), now); err != nil {
			t.Errorf("webhook %d does not trust what is served: %v", i, err)
		}
	}
	if served.Leaf.NotAfter.Before(now) {
		t.Error("it serves what has ended")
	}
}

func pairOf(t *testing.T, cluster client.Client) map[string][]byte {
	t.Helper()
	secret := &corev1.Secret{}
	if err := cluster.Get(context.Background(), client.ObjectKey{Namespace: "system", Name: "certificates"}, secret); err != nil {
		t.Fatal(err)
	}
	return secret.Data
}

func TestReplicasServeTheSameCertificateAndRotateTogether(t *testing.T) {
	now := start
	cluster := fake.NewClientBuilder().WithObjects(configuration()).Build()
	one, two := replica(cluster, &now), replica(cluster, &now)
	mustKeep(t, one)
	mustKeep(t, two)
	same := func() bool { return bytes.Equal(one.serving.Load().Certificate[0], two.serving.Load().Certificate[0]) }
	if !same() {
		t.Error("replicas serve different certificates")
	}
	first := one.serving.Load()

	now = now.Add(61 * day)
	mustKeep(t, two)
	if one.serving.Load() != first {
		t.Error("a replica changed what it serves by itself")
	}
	mustKeep(t, one)
	if !same() || one.serving.Load() == first {
		t.Error("replicas did not rotate together")
	}
}

func TestWhatIsWrittenOverIsSetRight(t *testing.T) {
	ctx := context.Background()
	now := start
	cluster := fake.NewClientBuilder().WithObjects(configuration()).Build()
	k := replica(cluster, &now)
	mustKeep(t, k)
	want := bundles(t, cluster)[0]

	// As `helm upgrade --force` does.
	if err := cluster.Delete(ctx, configuration()); err != nil {
		t.Fatal(err)
	}
	again := configuration()
	again.UID = "4712"
	if err := cluster.Create(ctx, again); err != nil {
		t.Fatal(err)
	}
	mustKeep(t, k)
	if got := bundles(t, cluster)[1]; !bytes.Equal(got, want) {
		t.Error("the new configuration does not trust the certificate")
	}
	secret := &corev1.Secret{}
	if err := cluster.Get(ctx, client.ObjectKey{Namespace: "system", Name: "certificates"}, secret); err != nil {
		t.Fatal(err)
	}
	if len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != "4712" {
		t.Errorf("the Secret's owners are %v: it goes with a configuration that is gone", secret.OwnerReferences)
	}

	if err := cluster.Delete(ctx, secret); err != nil {
		t.Fatal(err)
	}
	mustKeep(t, k)
	if err := trusts(bundles(t, cluster)[0], pairOf(t, cluster), now); err != nil {
		t.Errorf("a deleted Secret: %v", err)
	}
}

func TestKeeperEndsWithItsContext(t *testing.T) {
	now := start
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	k := replica(fake.NewClientBuilder().WithObjects(configuration()).Build(), &now)
	go func() { ended <- k.Start(ctx) }()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("it goes on")
	}
}
