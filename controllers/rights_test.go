// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	apirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/controllers/status"
)

// These tests hold what the operator may do against what it does: the API server of the tests lets
// it do what config/rbac says and nothing else, all that it asks for is recorded, and TestMain
// fails if anything was forbidden, or if all tests have run and a right was not used. So a test
// that is the first to use a verb needs the right in config/rbac, and a right that nothing uses any
// more must go. test-chart compares the chart with config/rbac.

// right is one verb on one kind of resource, as a rule of RBAC grants it and as a request needs it.
type right struct {
	verb, group string
	// resource has a subresource behind a slash.
	resource string
	// name is that of the only object that it is for; empty in a rule for all, and in a request for
	// no single one.
	name string
	// namespace is that of the only namespace that it is for; empty in a rule for all.
	namespace string
}

func (r right) String() string {
	text := r.verb + " " + r.resource
	if r.group != "" {
		text += "." + r.group
	}
	if r.name != "" {
		text += " " + r.name
	}
	if r.namespace != "" {
		text += " in namespace " + r.namespace
	}
	return text
}

// covers reports whether a right of a rule allows what a request needs.
func (r right) covers(needed right) bool {
	return r.verb == needed.verb && r.group == needed.group && r.resource == needed.resource &&
		(r.name == "" || r.name == needed.name) && (r.namespace == "" || r.namespace == needed.namespace)
}

// rightsOf takes rules apart. They are for one namespace if it has a name.
func rightsOf(namespace string, rules []rbacv1.PolicyRule) []right {
	var all []right
	for _, rule := range rules {
		names := rule.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				for _, verb := range rule.Verbs {
					for _, name := range names {
						all = append(all, right{verb, group, resource, name, namespace})
					}
				}
			}
		}
	}
	return all
}

// unused are the granted rights that no request needed. Where several cover a request, the
// narrowest is the one that it used: the wider ones would have to show that they are needed by
// others.
func unused(granted []right, needed map[right]bool) []right {
	used := map[right]bool{}
	for n := range needed {
		var narrowest *right
		for i, g := range granted {
			if g.covers(n) && (narrowest == nil || g.narrowness() > narrowest.narrowness()) {
				narrowest = &granted[i]
			}
		}
		if narrowest != nil {
			used[*narrowest] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(granted), func(r right) bool { return used[r] })
}

func (r right) narrowness() int {
	n := 0
	if r.name != "" {
		n += 2
	}
	if r.namespace != "" {
		n++
	}
	return n
}

// requests are what the operator has asked of the API server. Safe for concurrent use.
type requests struct {
	mu        sync.Mutex
	needed    map[right]bool  // guarded by mu
	forbidden map[string]bool // guarded by mu
}

func newRequests() *requests {
	return &requests{needed: map[right]bool{}, forbidden: map[string]bool{}}
}

// record has a configuration's clients recorded.
func (r *requests) record(config *rest.Config) {
	config.Wrap(func(inner http.RoundTripper) http.RoundTripper { return &recorder{inner, r} })
}

func (r *requests) need(n right) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.needed[n] = true
}

// complaints say what is wrong between what was asked and what was granted. Rights that nothing
// used count only if all has run.
func (r *requests) complaints(granted []right, all bool) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var texts []string
	for _, text := range slices.Sorted(maps.Keys(r.forbidden)) {
		texts = append(texts, "the operator was forbidden to "+text)
	}
	if !all {
		return texts
	}
	for _, u := range unused(granted, r.needed) {
		texts = append(texts, fmt.Sprintf("the operator may %s, and no test has it do so: take the right out of config/rbac, or test what needs it", u))
	}
	return texts
}

type recorder struct {
	inner http.RoundTripper
	to    *requests
}

// infos reads a request as the API server does that authorizes it.
var infos = &apirequest.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.inner.RoundTrip(request)
	info, infoErr := infos.NewRequestInfo(request)
	if err != nil || infoErr != nil || !info.IsResourceRequest {
		return response, err
	}
	needed := right{info.Verb, info.APIGroup, info.Resource, info.Name, info.Namespace}
	if info.Subresource != "" {
		needed.resource += "/" + info.Subresource
	}
	switch response.StatusCode {
	case http.StatusForbidden:
		return response, r.forbidden(needed, response)
	case http.StatusCreated: // an object that is applied and not there must be allowed to be created, too
		r.to.need(right{"create", needed.group, needed.resource, "", needed.namespace})
	}
	r.to.need(needed)
	return response, nil
}

// forbidden takes note of a refusal, but of one by a namespace or a kind that is being deleted, or
// by a quota.
func (r *recorder) forbidden(needed right, response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	for _, other := range []string{"because it is being terminated", "custom resource definition is terminating", "exceeded quota"} {
		if bytes.Contains(body, []byte(other)) {
			return err
		}
	}
	if err != nil {
		return err
	}
	r.to.mu.Lock()
	defer r.to.mu.Unlock()
	r.to.forbidden[needed.String()+": "+strings.Map(printable, string(body))] = true
	return nil
}

// printable leaves of a message in protobuf what people can read.
func printable(r rune) rune {
	if r == utf8.RuneError || !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// allRan is true if no flag has left tests out.
func allRan() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return !testing.Short()
}

// As the chart installs it with watchNamespaces. The API server is one that does not stream lists,
// as those before Kubernetes 1.34 do not: clients need the right to list only there.
func TestOperatorOfSomeNamespacesNeedsNoRightsElsewhere(t *testing.T) {
	main, _ := useCluster(t)
	c, err := startCluster(main.asked, []string{"watched", "watched-too"}, func(e *envtest.Environment) {
		e.ControlPlane.GetAPIServer().Configure().Append("feature-gates", "WatchList=false")
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	}()
	elsewhere := create(t, c, c.newNamespace(t), plain)
	for _, namespace := range []string{"watched", "watched-too"} {
		s := create(t, c, namespace, plain)
		s.awaitObjects()
		s.startNATS()
		s.rollOut()
		s.startGateway(t, namespace, "chat", "one", func(*fakeGateway) {})
		s.awaitCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, status.ReasonReady)
	}
	// To give a Secret another owner takes the right to delete it, where
	// OwnerReferencesPermissionEnforcement is on.
	c.loseWebhookOwner(t)
	main.asked.need(right{"delete", "", "secrets", webhookSecret, system})
	if conditions := elsewhere.live().Status.Conditions; len(conditions) > 0 {
		t.Errorf("a service of another namespace is looked after: %v", conditions)
	}
	for _, text := range main.asked.complaints(nil, false) {
		t.Error(text)
	}
}

// A request for the deletion of an owner that waits for its objects, as all of ours have it, is
// allowed only to those who may set the owner's finalizers. The API server asks that itself, where
// the admission plugin OwnerReferencesPermissionEnforcement is on, as in OpenShift and in these
// tests.
func TestObjectsOfAServiceNeedTheRightOnItsFinalizers(t *testing.T) {
	c, namespace := useCluster(t)
	s := create(t, c, namespace, plain)
	config, err := resources.ConfigMap(s.live(), 1)
	if err != nil {
		t.Fatal(err)
	}
	config.Name = "another"
	finalizers := right{verb: "update", group: "realtime-operator.io", resource: "realtimeservices/finalizers"}
	for name, may := range map[string]bool{"with-it": true, "without-it": false} {
		role := &rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"create"}}},
		}
		if may {
			role.Rules = append(role.Rules, rbacv1.PolicyRule{
				APIGroups: []string{finalizers.group}, Resources: []string{finalizers.resource}, Verbs: []string{finalizers.verb},
			})
		}
		binding := &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: name}},
		}
		for _, object := range []client.Object{role, binding} {
			if err := c.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
		}
		as := rest.CopyConfig(c.admin)
		as.Impersonate = rest.ImpersonationConfig{UserName: name}
		somebody, err := client.New(as, client.Options{Scheme: c.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the API server has heard of the role, and answers as it should", func() error {
			err := somebody.Create(t.Context(), config.DeepCopy(), client.DryRunAll)
			if may && err == nil || !may && apierrors.IsForbidden(err) && strings.Contains(err.Error(), "blockOwnerDeletion") {
				return nil
			}
			return fmt.Errorf("%s: %w", name, err)
		})
	}
	c.asked.need(finalizers)
}

func TestUnusedRights(t *testing.T) {
	pods := right{verb: "list", resource: "pods"}
	patch := right{verb: "patch", resource: "pods"}
	every := right{verb: "get", resource: "secrets"}
	own := right{verb: "get", resource: "secrets", name: "own", namespace: "system"}
	status := right{verb: "patch", group: "apps", resource: "deployments/status"}
	for name, test := range map[string]struct {
		granted, needed, want []right
	}{
		"each is used":               {[]right{pods, every}, []right{{"list", "", "pods", "", "a"}, {"get", "", "secrets", "b", "a"}}, nil},
		"one is not":                 {[]right{pods, patch}, []right{{"list", "", "pods", "", ""}}, []right{patch}},
		"a wide one is not":          {[]right{every, own}, []right{{"get", "", "secrets", "own", "system"}}, []right{every}},
		"a narrow one is not":        {[]right{every, own}, []right{{"get", "", "secrets", "other", "system"}}, []right{own}},
		"another verb is used":       {[]right{pods}, []right{{"watch", "", "pods", "", ""}}, []right{pods}},
		"another group is used":      {[]right{pods}, []right{{"list", "metrics.k8s.io", "pods", "", ""}}, []right{pods}},
		"the object, not its status": {[]right{status}, []right{{"patch", "apps", "deployments", "a", "b"}}, []right{status}},
	} {
		needed := map[right]bool{}
		for _, n := range test.needed {
			needed[n] = true
		}
		if got := unused(test.granted, needed); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestRightsOfRules(t *testing.T) {
	got := rightsOf("system", []rbacv1.PolicyRule{{
		APIGroups: []string{"", "events.k8s.io"}, Resources: []string{"events"}, Verbs: []string{"create"}, ResourceNames: []string{"a", "b"},
	}})
	want := []right{
		{"create", "", "events", "a", "system"}, {"create", "", "events", "b", "system"},
		{"create", "events.k8s.io", "events", "a", "system"}, {"create", "events.k8s.io", "events", "b", "system"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
