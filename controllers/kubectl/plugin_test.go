// SPDX-License-Identifier: Apache-2.0

package kubectl

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/exec"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// The tests run the plugin against a real API server, which has no kubelets: nothing is behind
// pods/proxy, pods/log and pods/exec. The last is a function here; what gateways answer, the tests
// of package gateway show.

// kube is an API server, and people with rights of their own.
type kube struct {
	client.Client
	people map[string]string // kubeconfig files by name
	dir    string
	stop   func() error
}

var theKube = sync.OnceValues(func() (*kube, error) {
	dir, err := os.MkdirTemp("", "kubectl-rts-")
	if err != nil {
		return nil, err
	}
	environment := &envtest.Environment{
		CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true,
		ControlPlaneStartTimeout: time.Minute, ControlPlaneStopTimeout: time.Minute,
	}
	config, err := environment.Start()
	if err != nil {
		return nil, err
	}
	running = &kube{people: map[string]string{}, dir: dir, stop: environment.Stop}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	if running.Client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		return nil, err
	}
	for name, groups := range map[string][]string{"admin": {"system:masters"}, "operator": nil, "viewer": nil} {
		user, err := environment.AddUser(envtest.User{Name: name, Groups: groups}, nil)
		if err != nil {
			return nil, err
		}
		data, err := user.KubeConfig()
		if err != nil {
			return nil, err
		}
		running.people[name] = filepath.Join(dir, name)
		if err := os.WriteFile(running.people[name], data, 0o600); err != nil {
			return nil, err
		}
	}
	return running, nil
})

var running *kube

func TestMain(m *testing.M) {
	code := m.Run()
	if running != nil {
		if err := errors.Join(running.stop(), os.RemoveAll(running.dir)); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the API server:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// town is a namespace with a service, and pods that are its gateways.
type town struct {
	*testing.T
	*kube
	namespace string
	// asked are the commands that were run in gateways; answers what is answered, by gateway and
	// path.
	mu      sync.Mutex
	asked   []string
	answers map[string]string
}

func newTown(t *testing.T) *town {
	t.Helper()
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: run `make test-go`, which builds an API server")
	}
	k, err := theKube()
	if err != nil {
		t.Fatalf("starting the API server: %v", err)
	}
	town := &town{T: t, kube: k, answers: map[string]string{}}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	town.create(namespace)
	town.namespace = namespace.Name
	town.service("chat")
	town.pod("chat", "chat-gateway-a", "node-1")
	town.pod("chat", "chat-gateway-b", "node-2")
	for name, file := range map[string]string{"operator": "people_role.yaml", "viewer": "view_role.yaml"} {
		data, err := os.ReadFile("../../config/rbac/" + file)
		if err != nil {
			t.Fatal(err)
		}
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict(data, role); err != nil {
			t.Fatal(err)
		}
		if err := client.IgnoreAlreadyExists(k.Create(t.Context(), role)); err != nil {
			t.Fatal(err)
		}
		town.create(&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: town.namespace},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: name}},
		})
	}
	return town
}

func (n *town) create(object client.Object) {
	n.Helper()
	if err := n.Create(n.Context(), object); err != nil {
		n.Fatal(err)
	}
}

func (n *town) service(name string) {
	n.Helper()
	svc := &v1alpha1.RealtimeService{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.namespace}}
	svc.Spec.Namespaces = []v1alpha1.Namespace{{Name: "/"}}
	svc.Spec.Gateway.Env = []corev1.EnvVar{{Name: "LICENSE", Value: planted("env-of-the-service")}}
	n.create(svc)
	svc.Status.Selector = v1alpha1.LabelService + "=" + name + "," + v1alpha1.LabelComponent + "=gateway"
	svc.Status.URL, svc.Status.Release, svc.Status.Connections = "https://chat.example.com", "1.2.3", 7
	svc.Status.Conditions = []metav1.Condition{
		{Type: "Ready", Status: metav1.ConditionTrue, Reason: "RolledOut", Message: "2 of 2 gateways are ready", LastTransitionTime: metav1.Now()},
		{Type: "UpToDate", Status: metav1.ConditionFalse, Reason: "OnRequest", Message: "gateways wait for a request", LastTransitionTime: metav1.Now()},
	}
	if err := n.Status().Update(n.Context(), svc); err != nil {
		n.Fatal(err)
	}
}

func (n *town) pod(service, name, node string) {
	n.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: n.namespace, Labels: map[string]string{
			v1alpha1.LabelService: service, v1alpha1.LabelComponent: "gateway",
		}},
		Spec: corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{
			Name: "gateway", Image: "realtime:1.2.3",
			Env:  []corev1.EnvVar{{Name: "DATABASE", Value: planted("env-of-a-pod")}},
			Args: []string{"gateway", "--nats-url=nats://chat:" + planted("nats-url") + "@nats:4222"},
		}}},
	}
	n.create(pod)
	pod.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		ContainerStatuses: []corev1.ContainerStatus{{Name: "gateway", Ready: true}},
	}
	if err := n.Status().Update(n.Context(), pod); err != nil {
		n.Fatal(err)
	}
}

// run runs the plugin as somebody, and returns what it prints.
func (n *town) run(person string, args ...string) (out, errOut string, err error) {
	n.Helper()
	p := &plugin{Options: Options{Release: "1.2.3", Doctor: func(_ context.Context, w io.Writer, o DoctorOptions) error {
		_, err := fmt.Fprint(w, o.URL)
		return err
	}}}
	p.run = func(_ context.Context, pod *corev1.Pod, command []string, s streams) error {
		var in []byte
		if s.In != nil && !slices.Contains(command, "--until-eof") {
			in, _ = io.ReadAll(s.In)
		}
		path := command[len(command)-1]
		n.mu.Lock()
		n.asked = append(n.asked, strings.TrimSpace(pod.Name+" "+strings.Join(command, " ")+" "+string(in)))
		answer, ok := n.answers[pod.Name+" "+path]
		if !ok {
			answer, ok = n.answers[path]
		}
		n.mu.Unlock()
		if complaint, refused := strings.CutPrefix(answer, "!"); refused || !ok {
			_, _ = fmt.Fprintln(s.Err, complaint)
			return exec.CodeExitError{Err: errors.New("command terminated with exit code 3"), Code: 3}
		}
		_, err := io.WriteString(s.Out, answer)
		return err
	}
	cmd := newCommand(p)
	var o, e bytes.Buffer
	cmd.SetOut(&o)
	cmd.SetErr(&e)
	cmd.SetArgs(append(args, "--kubeconfig", n.people[person], "-n", n.namespace))
	err = cmd.ExecuteContext(n.Context())
	return o.String(), e.String(), err
}

// must is run of what must work.
func (n *town) must(person string, args ...string) string {
	n.Helper()
	out, errOut, err := n.run(person, args...)
	if err != nil {
		n.Fatalf("kubectl rts %v: %v\n%s%s", args, err, out, errOut)
	}
	return out
}

func wantAll(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("there is no %q in:\n%s", part, text)
		}
	}
}

func TestStatusIsOnOneScreen(t *testing.T) {
	n := newTown(t)
	n.answers["chat-gateway-a /status"] = `{"connections":4,"nats":"connected","natsVersion":"2.15.3"}`
	n.answers["chat-gateway-b /status"] = `{"connections":3,"nats":"reconnecting","natsError":"no server answers"}`
	wantAll(t, n.must("operator", "status"),
		"https://chat.example.com", "1.2.3", "1 of 2 gateways are connected; version 2.15.3", "gateways wait for a request", "RolledOut",
		"node-2", "realtime:1.2.3", "! chat-gateway-b: NATS is away: no server answers")

	var s serviceStatus
	if err := json.Unmarshal([]byte(n.must("operator", "status", "chat", "-o", "json")), &s); err != nil || len(s.Gateways) != 2 || s.Gateways[0].Status.Connections != 4 {
		t.Errorf("as JSON: %+v, %v", s, err)
	}
	// A gateway that does not answer is named, and the rest is there.
	n.answers["chat-gateway-b /status"] = "!Error: the gateway is not there"
	wantAll(t, n.must("operator", "status"), "1 of 1 gateways", "! gateway chat-gateway-b: the gateway is not there")
	// Who may only view sees what the API server knows, and which right is missing.
	if _, _, err := n.run("viewer", "status"); err == nil || !strings.Contains(err.Error(), "list pods") {
		t.Errorf("a viewer without pods: %v", err)
	}
}

func TestMissingRightsAreNamed(t *testing.T) {
	n := newTown(t)
	n.create(&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Name: "pods", Namespace: n.namespace}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}},
	}})
	n.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "pods", Namespace: n.namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "pods"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "viewer"}},
	})
	for command, right := range map[string]string{
		"who lobby": "create pods/exec", "tail lobby": "create pods/exec", "trace ada": "create pods/exec", "top rooms": "create pods/exec",
		"emit e --to lobby": "create pods/exec", "revoke --user ada": "create pods/exec",
		"drain chat-gateway-a": "create pods/eviction", "top gateways": "get pods/proxy",
	} {
		_, _, err := n.run("viewer", strings.Fields(command)...)
		if err == nil || !strings.Contains(err.Error(), "you may not "+right) || !strings.Contains(err.Error(), "realtime-operator-people") {
			t.Errorf("%s: error %v, want the right %s", command, err, right)
		}
	}
	if len(n.asked) > 0 {
		t.Errorf("gateways were asked: %v", n.asked)
	}
	wantAll(t, n.must("viewer", "status"), "RolledOut", "! gateway chat-gateway-a: you may not get pods/proxy")
}

func TestAnswersOfAllGatewaysArePutTogether(t *testing.T) {
	n := newTown(t)
	const who, rooms = "/v1/who?limit=1000&namespace=%2Fchat&room=lobby", "/v1/top?of=rooms&limit=100"
	n.answers["chat-gateway-a "+who] = `{"total":1,"members":[{"socket":"s1","namespace":"/chat","user":"ada","entry":"people","transport":"websocket"}]}`
	n.answers["chat-gateway-b "+who] = `{"total":5,"members":[{"socket":"s2","namespace":"/chat","user":"evil\u001b[2Jbob","transport":"polling"}]}`
	out := n.must("operator", "who", "/chat/lobby")
	wantAll(t, out, "ada", "s1", "chat-gateway-b", "evil·[2Jbob", "6 sockets are in the room lobby of /chat; 2 are listed")

	n.answers["chat-gateway-a "+rooms] = `{"total":3,"next":1,"items":[{"namespace":"/","room":"a","sockets":5},{"namespace":"/","room":"b","sockets":2}]}`
	n.answers["chat-gateway-b "+rooms] = `{"total":1,"items":[{"namespace":"/","room":"b","sockets":4}]}`
	var list topList
	if err := json.Unmarshal([]byte(n.must("operator", "top", "rooms", "--limit", "2", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	if list.MoreBy != 1 || len(list.Items) != 2 || list.Items[0].Room != "b" || list.Items[0].Sockets != 6 {
		t.Errorf("the largest are %+v", list)
	}
	n.answers["/metrics"] = "# TYPE realtime_connections gauge\nrealtime_connections 12\n" +
		"# TYPE realtime_handshakes_refused_total counter\nrealtime_handshakes_refused_total{reason=\"a\"} 1\nrealtime_handshakes_refused_total{reason=\"b\"} 2\n"
	wantAll(t, n.must("operator", "top", "gateways"), "chat-gateway-a  12", "node-2")

	// One that is of an older release is named, and the others answer.
	n.answers["chat-gateway-b "+who] = `!Error: unknown command "admin" for "realtime"`
	out, errOut, err := n.run("operator", "who", "/chat/lobby")
	if err != nil || !strings.Contains(out, "1 sockets") || !strings.Contains(errOut, "chat-gateway-b: its release knows no kubectl rts") {
		t.Errorf("got %s%s, %v", out, errOut, err)
	}
}

func TestOneGatewayEmitsAndRevokes(t *testing.T) {
	n := newTown(t)
	n.answers["/v1/namespaces/%2Fchat/emit"], n.answers["/v1/revocations"] = `{"ok":true}`, `!Error: {"error":"the service has no spec.revocation"}`
	wantAll(t, n.must("operator", "emit", "--to", "/chat/lobby", "note", `{"a":1}`, "hello"), "emitted note")
	if _, _, err := n.run("operator", "revoke", "--user", "ada", "--issued-before", "2026-12-01T00:00:00Z"); err == nil || err.Error() != "gateway chat-gateway-a: the service has no spec.revocation" {
		t.Errorf("error %v", err)
	}
	if diff := cmp.Diff([]string{
		`chat-gateway-a /realtime admin POST /v1/namespaces/%2Fchat/emit {"event":"note","args":[{"a":1},"hello"],"rooms":["lobby"]}`,
		`chat-gateway-a /realtime admin POST /v1/revocations {"user":"ada","issuedBefore":1796083200000}`,
	}, n.asked); diff != "" {
		t.Error(diff)
	}
}

func TestTailPrintsTheLinesOfAll(t *testing.T) {
	n := newTown(t)
	const path = "/v1/tail?namespace=%2F&rate=20&room=lobby&seconds=60"
	n.answers["chat-gateway-a "+path] = `{"kind":"alive","time":"2026-12-01T00:00:00Z"}` + "\n" +
		`{"kind":"emitted","time":"2026-12-01T00:00:01Z","namespace":"/","rooms":["lobby"],"event":"note","bytes":12,"missed":3}` + "\n"
	n.answers["chat-gateway-b "+path] = `{"kind":"alive","time":"2026-12-01T00:00:00Z","missed":4}` + "\n"
	wantAll(t, n.must("operator", "tail", "lobby"), "(3 left out)  emitted  /  to lobby  note  12B", "chat-gateway-b  (4 left out)")
	wantAll(t, n.must("operator", "tail", "lobby", "-o", "json"), `"gateway":"chat-gateway-a","kind":"emitted"`)
}

func TestDrainEvicts(t *testing.T) {
	n := newTown(t)
	wantAll(t, n.must("operator", "drain", "chat-gateway-a", "--dry-run"), "may be drained")
	if _, _, err := n.run("operator", "drain", "nobody"); err == nil || !strings.Contains(err.Error(), "there is none in the namespace") {
		t.Errorf("error %v", err)
	}
	n.must("operator", "drain", "chat-gateway-a", "--wait=false")
	pod := &corev1.Pod{}
	if err := n.Get(t.Context(), client.ObjectKey{Namespace: n.namespace, Name: "chat-gateway-a"}, pod); err == nil && pod.DeletionTimestamp == nil {
		t.Error("the pod stays")
	}
}

func TestServicesAreNamed(t *testing.T) {
	n := newTown(t)
	if got := n.must("operator", "doctor"); got != "https://chat.example.com" {
		t.Errorf("the doctor examines %s", got)
	}
	n.service("game")
	for want, args := range map[string][]string{
		"name one by --service: chat, game":                 {"status"},
		"get the RealtimeService none: there is none":       {"status", "none"},
		"--output xml: want json":                           {"status", "chat", "-o", "xml"},
		"--rate 0: want a number":                           {"tail", "lobby", "--rate", "0"},
		"to whom?":                                          {"emit", "e"},
		"begins with /":                                     {"who", "lobby", "--of", "chat"},
		"which tokens?":                                     {"revoke"},
		"--issued-before yesterday: want a time such as 20": {"revoke", "--issued-before", "yesterday"},
	} {
		if _, _, err := n.run("operator", args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want %s", args, err, want)
		}
	}
}

// planted is a secret that must not get into a bundle.
func planted(where string) string { return "PLANTED-" + where }

func TestABundleHasNoSecrets(t *testing.T) {
	n := newTown(t)
	labels := map[string]string{v1alpha1.LabelService: "chat"}
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Name: name, Namespace: n.namespace, Labels: labels, Annotations: map[string]string{
			"kubectl.kubernetes.io/last-applied-configuration": `{"spec":{"x":"` + planted("last-applied") + `"}}`,
		}}
	}
	n.create(&corev1.Secret{ObjectMeta: meta("chat-nats-credentials"), StringData: map[string]string{"password": planted("secret")}})
	n.create(&corev1.ConfigMap{ObjectMeta: meta("chat-config"), Data: map[string]string{
		"service.yaml": "kind: RealtimeService\nspec: {gateway: {env: [{name: A, value: " + planted("env-in-configuration") + "}]}}\n",
		"notes":        "Authorization: Bearer " + planted("bearer") + "\npassword=" + planted("password"),
	}})
	pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "gateway", Image: "x", Env: []corev1.EnvVar{{Name: "A", Value: planted("env-of-a-template")}},
	}}}}
	n.create(&appsv1.Deployment{ObjectMeta: meta("chat-gateway"), Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: pod}})
	n.create(&corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e", Namespace: n.namespace}, InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "chat-gateway-a", Namespace: n.namespace},
		Type: "Warning", Reason: "Failed", Message: "GET https://ada:" + planted("event") + "@registry.example refused", LastTimestamp: metav1.Now(),
	})
	n.answers["/status"] = `{"connections":4,"nats":"reconnecting","natsError":"nats://u:` + planted("status") + `@nats: refused","keySets":[{"url":"https://keys.example/?token=` + planted("key-set") + `"}]}`
	n.answers["/metrics"] = "realtime_connections 4\n"
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	wantAll(t, n.must("operator", "collect", "-f", file), "bundle.tar.gz has", "Without ")

	files := unpack(t, file)
	for name, text := range files {
		if strings.Contains(text, "PLANTED") {
			t.Errorf("%s has a secret:\n%s", name, text)
		}
	}
	for name, want := range map[string]string{
		"service.yaml": "status:", "events.txt": "Failed Pod/chat-gateway-a", "objects/pod/chat-gateway-b.yaml": "nodeName: node-2",
		"objects/deployment/chat-gateway.yaml": "value: (left out)", "objects/configmap/chat-config.yaml": "RealtimeService",
		"gateways/chat-gateway-a/status.txt": `"connections": 4`, "gateways/chat-gateway-b/metrics.txt": "realtime_connections 4",
		"missing.txt": "logs/chat-gateway-a/gateway.log: ", "versions.txt": "kubernetes: v1.",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s has no %q: %s", name, want, files[name])
		}
	}
	if _, _, err := n.run("operator", "collect", "-f", file); err == nil || !strings.Contains(err.Error(), "file exists") {
		t.Errorf("a file that exists is overwritten: %v", err)
	}
}

// unpack returns the files of a bundle by their names in its folder.
func unpack(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	uncompressed, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files, archive := map[string]string{}, tar.NewReader(uncompressed)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(header.Name, "/")
		files[name] = string(data)
	}
}

func TestTextsAreScrubbed(t *testing.T) {
	for _, text := range []string{
		`{"msg":"refused","token":"PLANTED"}`, `auth={"token":"PLANTED"}`, `GET /socket.io/?EIO=4&sid=PLANTED&transport=polling`,
		`Authorization: Bearer PLANTED.PLANTED`, `nats://user:PLANTED@nats:4222`, `password: PLANTED`, `PASSWORD="a PLANTED b"`,
		"-----BEGIN EC PRIVATE KEY-----\nPLANTED\n-----END EC PRIVATE KEY-----", "eyJhbGciOiJIUzI1NiJ9.PLANTED.PLANTED", `Cookie: io=PLANTED`,
		`client_secret=PLANTED`, `{"error":"{\"password\":\"PLANTED\"}"}`,
	} {
		if got := string(scrubText([]byte(text))); strings.Contains(got, "PLANTED") {
			t.Errorf("%s becomes %s", text, got)
		}
	}
	for _, text := range []string{"gateway is listening clients=[::]:3000", "realtime_connections 4", "2 of 3 gateways", "https://chat.example.com/a@b"} {
		if got := string(scrubText([]byte(text))); got != text {
			t.Errorf("%s becomes %s", text, got)
		}
	}
}

func TestPlaces(t *testing.T) {
	for text, want := range map[string]place{
		"lobby": {"/", "lobby"}, "/chat/lobby": {"/chat", "lobby"}, "/chat": {"/chat", ""}, "/": {"/", ""}, "//lobby": {"/", "lobby"}, "/chat/a/b": {"/chat", "a/b"},
	} {
		if got, err := parsePlace(text, ""); err != nil || got != want {
			t.Errorf("%s is %+v, %v", text, got, err)
		}
	}
	if got, err := parsePlace("/x", "/a/b"); err != nil || got != (place{"/a/b", "/x"}) {
		t.Errorf("apart: %+v, %v", got, err)
	}
}
