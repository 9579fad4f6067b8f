// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

const (
	// seedVariable is the environment variable with the seed of a sequence that is played again.
	seedVariable = "DRIFT_SEED"
	// driftSteps is how many steps a sequence has.
	driftSteps = 30
	// maxEdits is how often an object is edited: the operator gives up after more.
	maxEdits = 4
)

// Whatever happens to the objects of a service, it is mended, or the conditions say what is in the
// way. DRIFT_SEED=N,M plays the sequences of other seeds, or again that of one that failed.
func TestRandomDrift(t *testing.T) {
	seeds := []uint64{1, 2, 3817867923}
	if text := os.Getenv(seedVariable); text != "" {
		seeds = nil
		for _, one := range strings.Split(text, ",") {
			seed, err := strconv.ParseUint(one, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			seeds = append(seeds, seed)
		}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("%s=%d", seedVariable, seed), func(t *testing.T) {
			c, namespace := useCluster(t)
			d := &drift{
				service: create(t, c, namespace, everything),
				random:  rand.New(rand.NewPCG(seed, 0)),
				edits:   map[string]int{}, obstacles: map[string]client.Object{}, taken: map[string]bool{},
			}
			d.awaitEverything()
			for range driftSteps {
				d.step()
			}
			d.awaitReport()
			d.clear()
			d.awaitHealed()
		})
	}
}

// drift is a service to which things happen by chance.
type drift struct {
	*service
	random *rand.Rand
	// edits is how often each object was edited.
	edits map[string]int
	// obstacles are objects that keep the operator from its work, by what the condition says.
	obstacles map[string]client.Object
	// taken are the names that somebody else has, by kind and name.
	taken map[string]bool
}

// pick chooses an object that is there; nil if the chosen one is not.
func (d *drift) pick() (key string, object client.Object) {
	keys := slices.Sorted(maps.Keys(all()))
	key = keys[d.random.IntN(len(keys))]
	object = all()[key]
	if d.taken[key] {
		return key, nil // it is somebody else's
	}
	if err := d.Get(d.t.Context(), d.key(nameIn(key)), object); apierrors.IsNotFound(err) {
		return key, nil
	} else if err != nil {
		d.t.Fatal(err)
	}
	return key, object
}

// step does one thing.
func (d *drift) step() {
	key, object := d.pick()
	kind := d.random.IntN(11)
	variant := d.random.IntN(100)
	if object == nil && kind != 8 && kind != 9 {
		return
	}
	switch kind {
	case 0, 1, 2:
		if d.edits[key]++; d.edits[key] > maxEdits {
			return
		}
		d.say("edit", key, variant)
		d.edit(object, func(o client.Object) { vandalize(o, variant) })
	case 3:
		d.say("delete", key)
		d.delete(object)
	case 4:
		d.say("remove owners of", key)
		d.edit(object, func(o client.Object) { o.SetOwnerReferences(nil) })
	case 5:
		if d.edits[key]++; d.edits[key] > maxEdits {
			return
		}
		d.say("remove managers of", key)
		d.edit(object, func(o client.Object) { o.SetManagedFields([]metav1.ManagedFieldsEntry{{}}) })
	case 6:
		d.say("remove labels of", key)
		d.edit(object, func(o client.Object) { o.SetLabels(nil) })
	case 7:
		d.takeName(key, object)
	case 8:
		d.say("change the service", variant)
		change(d.service, "chat", &v1alpha1.RealtimeService{}, func(svc *v1alpha1.RealtimeService) { respecify(svc, variant) })
	case 9:
		d.limit(variant)
	case 10:
		d.say("hold and delete", key)
		d.edit(object, func(o client.Object) { o.SetFinalizers([]string{holding}) })
		d.ignoreNotFound(d.Delete(d.t.Context(), object))
		d.obstacles[key+" is being deleted"] = object
	}
}

// holding is a finalizer that nobody removes.
const holding = "example.com/holding"

// delete deletes an object, with the finalizers that a controller would remove.
func (d *drift) delete(object client.Object) {
	d.t.Helper()
	if _, ok := object.(*corev1.PersistentVolumeClaim); ok {
		d.edit(object, func(o client.Object) { o.SetFinalizers(nil) })
	}
	d.ignoreNotFound(d.Delete(d.t.Context(), object))
}

func (d *drift) say(args ...any) { d.t.Log(args...) }

func (d *drift) ignoreNotFound(err error) {
	d.t.Helper()
	if client.IgnoreNotFound(err) != nil {
		d.t.Fatal(err)
	}
}

// edit changes an object as a program does. The API server may refuse it.
func (d *drift) edit(object client.Object, how func(client.Object)) {
	before := object.DeepCopyObject().(client.Object)
	how(object)
	err := d.Patch(d.t.Context(), object, client.MergeFrom(before), client.FieldOwner("vandal"))
	if err != nil && !apierrors.IsInvalid(err) && !apierrors.IsConflict(err) && !apierrors.IsForbidden(err) {
		d.ignoreNotFound(err)
	}
}

// vandalize changes what a person might, or a program.
func vandalize(object client.Object, variant int) {
	switch o := object.(type) {
	case *appsv1.Deployment:
		vandalizePod(&o.Spec.Template.Spec, variant)
		o.Spec.Paused = variant%3 == 0
		o.Spec.Replicas = ptr.To(int32(variant % 5))
	case *appsv1.StatefulSet:
		vandalizePod(&o.Spec.Template.Spec, variant)
		o.Spec.Replicas = ptr.To(int32(variant % 3))
	case *corev1.Service:
		o.Spec.Ports[0].Port += int32(variant)
		o.Spec.PublishNotReadyAddresses = !o.Spec.PublishNotReadyAddresses
		o.Spec.Selector = map[string]string{"x": "y"}
	case *corev1.ConfigMap:
		for key := range o.Data {
			o.Data[key] = strconv.Itoa(variant)
		}
		o.Immutable = ptr.To(variant%4 == 0)
	case *corev1.Secret:
		for key := range o.Data {
			o.Data[key] = []byte(strconv.Itoa(variant))
		}
		o.Immutable = ptr.To(variant%4 == 0)
	case *policyv1.PodDisruptionBudget:
		o.Spec.MinAvailable, o.Spec.MaxUnavailable = o.Spec.MaxUnavailable, nil
	case *networkingv1.NetworkPolicy:
		o.Spec.Ingress, o.Spec.PolicyTypes = nil, append(o.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	case *autoscalingv2.HorizontalPodAutoscaler:
		o.Spec.MinReplicas, o.Spec.MaxReplicas, o.Spec.Metrics = ptr.To[int32](2), 9, nil
	case *corev1.ServiceAccount, *corev1.PersistentVolumeClaim:
		o.SetLabels(map[string]string{"app.kubernetes.io/component": strconv.Itoa(variant)})
	}
}

func vandalizePod(pod *corev1.PodSpec, variant int) {
	container := &pod.Containers[0]
	switch variant % 5 {
	case 0:
		container.Env = append(container.Env, corev1.EnvVar{Name: "X", Value: "y"})
	case 1:
		container.Image, container.Args = "another", nil
	case 2:
		pod.Volumes[0].VolumeSource = corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
	case 3:
		container.Ports[0].ContainerPort = 3999
	case 4:
		pod.InitContainers = []corev1.Container{{Name: "x", Image: "y"}}
		pod.NodeSelector = map[string]string{"x": "y"}
	}
}

// respecify changes the manifest.
func respecify(svc *v1alpha1.RealtimeService, variant int) {
	switch variant % 4 {
	case 0:
		svc.Spec.Gateway.Service.Port = 8000 + int32(variant)
	case 1:
		svc.Spec.Gateway.Image = fmt.Sprintf("gateway:%d", variant)
	case 2:
		svc.Spec.Gateway.Autoscaling = nil
		if variant%8 == 2 {
			svc.Spec.Gateway.Autoscaling = &v1alpha1.AutoscalingSpec{MaxReplicas: 2 + int32(variant%7)}
		}
	case 3:
		svc.Spec.NetworkPolicy = nil
		if variant%8 == 3 {
			svc.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{}
		}
	}
}

// takeName replaces an object with somebody else's of that name, if the operator is not faster.
func (d *drift) takeName(key string, object client.Object) {
	if !slices.Contains([]string{"Secret", "ConfigMap", "ServiceAccount"}, strings.Fields(key)[0]) {
		return
	}
	d.say("take the name of", key)
	d.delete(object)
	theirs := all()[key]
	theirs.SetName(nameIn(key))
	theirs.SetNamespace(d.namespace)
	err := d.Create(d.t.Context(), theirs)
	if apierrors.IsAlreadyExists(err) || apierrors.IsForbidden(err) {
		return
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.taken[key] = true
	d.obstacles[key+" exists and does not belong to this service"] = theirs
}

// limit makes a quota that allows no object of a kind, and deletes one for the operator to miss.
func (d *drift) limit(variant int) {
	resourceName := []corev1.ResourceName{"services", "configmaps", "persistentvolumeclaims"}[variant%3]
	name := "quota-" + string(resourceName)
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.namespace}}
	quota.Spec.Hard = corev1.ResourceList{resourceName: resource.MustParse("0")}
	err := d.Create(d.t.Context(), quota)
	if apierrors.IsAlreadyExists(err) {
		return
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.say("allow no", resourceName)
	// As its controller does.
	quota.Status.Hard = quota.Spec.Hard
	quota.Status.Used = corev1.ResourceList{resourceName: resource.MustParse("9")}
	if err := d.Status().Update(d.t.Context(), quota); err != nil {
		d.t.Fatal(err)
	}
	d.obstacles["exceeded quota: "+name] = quota
}

// awaitReport waits until the conditions name all that is in the way.
func (d *drift) awaitReport() {
	d.t.Helper()
	for reason, object := range d.obstacles {
		if _, ok := object.(*corev1.ResourceQuota); ok {
			d.needOne(object.GetName())
		}
		eventually(d.t, "the conditions name "+reason, func() error {
			ready := meta.FindStatusCondition(d.live().Status.Conditions, v1alpha1.ConditionReady)
			if ready.Status != metav1.ConditionFalse || ready.Reason != status.ReasonApplyFailed {
				return fmt.Errorf("Ready is %+v", ready)
			}
			// One error may keep the operator from finding the next, which follows from it.
			for named := range d.obstacles {
				if strings.Contains(ready.Message, named) {
					return nil
				}
			}
			return fmt.Errorf("it says %q", ready.Message)
		})
	}
}

// needOne deletes an object that the operator then cannot create.
func (d *drift) needOne(quota string) {
	d.t.Helper()
	object := map[string]client.Object{
		"quota-services": &corev1.Service{}, "quota-configmaps": &corev1.ConfigMap{}, "quota-persistentvolumeclaims": &corev1.PersistentVolumeClaim{},
	}[quota]
	name := map[string]string{"quota-services": "chat", "quota-configmaps": "chat-config", "quota-persistentvolumeclaims": "chat-nats"}[quota]
	object.SetName(name)
	object.SetNamespace(d.namespace)
	d.say("delete", quota, name)
	if d.ignoreNotFound(d.Get(d.t.Context(), d.key(name), object)); object.GetUID() != "" {
		d.delete(object)
	}
}

// clear removes what is in the way.
func (d *drift) clear() {
	d.t.Helper()
	for reason, object := range d.obstacles {
		d.say("remove what was in the way:", reason)
		if strings.HasSuffix(reason, "is being deleted") {
			continue
		}
		d.ignoreNotFound(d.Delete(d.t.Context(), object))
	}
	for key, object := range all() {
		if err := d.Get(d.t.Context(), d.key(nameIn(key)), object); err != nil {
			d.ignoreNotFound(err)
			continue
		}
		if slices.Contains(object.GetFinalizers(), holding) {
			d.edit(object, func(o client.Object) { o.SetFinalizers(nil) })
			continue
		}
		// Without owner and labels it is nobody's, and the conditions say what to do.
		if metav1.GetControllerOf(object) == nil {
			d.edit(object, func(o client.Object) { o.SetLabels(resources.Identity("chat")) })
		}
	}
}

// awaitHealed waits until all is as in a service of the same manifest to which nothing happened.
func (d *drift) awaitHealed() {
	d.t.Helper()
	like := &v1alpha1.RealtimeService{}
	like.Name, like.Namespace = "chat", d.newNamespace(d.t)
	like.Spec = d.live().Spec
	if err := d.Create(d.t.Context(), like); err != nil {
		d.t.Fatal(err)
	}
	untouched := &service{d.t, d.cluster, like.Namespace, like.Name}
	untouched.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
	for key, object := range all() {
		if strings.HasPrefix(key, "HorizontalPodAutoscaler") && like.Spec.Gateway.Autoscaling == nil ||
			strings.HasPrefix(key, "NetworkPolicy") && like.Spec.NetworkPolicy == nil {
			d.awaitGone(nameIn(key), object)
			continue
		}
		wanted := all()[key]
		await(untouched, nameIn(key), wanted, there)
		await(d.service, nameIn(key), object, func(o client.Object) error {
			return errors.Join(isOurs(d.live(), o), sameAs(o, wanted))
		})
	}
	d.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, status.ReasonStarting)
}

// sameAs says what of an object is not as in another one.
func sameAs(object, wanted client.Object) error {
	if !equality.Semantic.DeepEqual(object.GetLabels(), wanted.GetLabels()) {
		return fmt.Errorf("its labels are %v, want %v", object.GetLabels(), wanted.GetLabels())
	}
	switch o := object.(type) {
	case *corev1.ServiceAccount, *corev1.PersistentVolumeClaim:
		return nil
	case *corev1.Secret:
		return want("keys", keysOf(o.Data), keysOf(wanted.(*corev1.Secret).Data))
	case *corev1.ConfigMap:
		if o.Name == "chat-config" { // with a number of its own, and the namespace
			return want("keys", keysOf(o.Data), keysOf(wanted.(*corev1.ConfigMap).Data))
		}
	}
	if diff := cmp.Diff(common(wanted), common(object)); diff != "" {
		return fmt.Errorf("it differs (-want +got):\n%s", diff)
	}
	return nil
}

// certificateKey is a key of a Secret that is named after a certificate.
var certificateKey = regexp.MustCompile(`tls-[0-9a-f]{16}`)

// keysOf returns the keys of an object's data, whatever its certificates are called.
func keysOf[V any](data map[string]V) string {
	return certificateKey.ReplaceAllString(fmt.Sprint(slices.Sorted(maps.Keys(data))), "tls")
}

// common returns what of an object is the operator's alone, without what differs between services
// of the same manifest: their namespaces and certificates.
func common(o client.Object) (fields any) {
	data, err := json.Marshal(specOf(o))
	if err != nil {
		panic(err) // it came as JSON
	}
	text := certificateKey.ReplaceAllString(strings.ReplaceAll(string(data), o.GetNamespace(), "namespace"), "tls")
	if err := json.Unmarshal([]byte(text), &fields); err != nil {
		panic(err)
	}
	return fields
}
