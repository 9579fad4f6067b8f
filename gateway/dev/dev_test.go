// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const greeter = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: greeter}
spec: {namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello, args: "['old']"}}]}]}]}
`

// screen is what a person sees.
type screen struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
	return s.text.Write(p)
}

// await waits until the screen shows what fits, and returns it.
func (s *screen) await(t *testing.T, pattern string) []string {
	t.Helper()
	wanted := regexp.MustCompile(pattern)
	deadline := time.After(time.Minute)
	for {
		s.mu.Lock()
		text, changed := s.text.String(), s.changed
		s.mu.Unlock()
		if found := wanted.FindStringSubmatch(text); found != nil {
			return found
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("the screen never shows %s:\n%s", pattern, text)
		}
	}
}

// run runs `realtime dev` for a test; it must end well, and leave nothing.
func run(t *testing.T, o Options) *screen {
	t.Helper()
	before := goleak.IgnoreCurrent()
	s := &screen{changed: make(chan struct{})}
	o.Host, o.Out, o.Log = "127.0.0.1", s, slog.New(slog.NewTextHandler(t.Output(), nil))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, o) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("it ended with %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return s
}

func TestTwoGatewaysAndReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "greeter.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(greeter)
	s := run(t, Options{Manifest: file, Gateways: 2})
	urls := s.await(t, `gateway 1 +(http://\S+)/\n.*gateway 2 +(http://\S+)/\n`)
	ada, _ := wiretest.Connect(t, urls[1], "/socket.io/", "/")
	bob, _ := wiretest.Connect(t, urls[2], "/socket.io/", "/")
	ada.Send(`42["hi"]`)
	ada.Expect(`42["hello","old"]`)
	bob.Expect(`42["hello","old"]`)

	write(strings.Replace(greeter, "'old'", "'old", 1))
	s.await(t, `refused, the old one stays in force:\n +spec\.namespaces\[0\]\.handlers\[0\]\.do\[0\]\.emit\.args: Invalid value.*Syntax error`)
	ada.Send(`42["hi"]`)
	bob.Expect(`42["hello","old"]`)
	ada.Expect(`42["hello","old"]`)

	write(strings.Replace(greeter, "'old'", "'new'", 1))
	s.await(t, `greeter\.yaml is in force`)
	bob.Send(`42["hi"]`)
	ada.Expect(`42["hello","new"]`)
	bob.Expect(`42["hello","new"]`)
}

func TestTheScreenSaysHowToGoOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "moved.yaml")
	moved := strings.Replace(greeter, "spec: {namespaces: [{name: /,", "spec: {protocol: {path: /x/}, namespaces: [{name: /chat,", 1)
	if err := os.WriteFile(file, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	s := run(t, Options{Manifest: file, Gateways: 1})
	s.await(t, `const socket = io\("http://localhost:\d+/chat", { path: "/x/" }\);\n(.*\n)+.*socket\.emit\("hi", "hello"\);\n`)
	base := s.await(t, `counted at (http://localhost:\d+/)metrics; http://localhost:\d+/status has`)[1]
	for path, want := range map[string]string{
		"metrics": "realtime_handler_errors_total", "status": `"confighash"`, "readyz": "ok", "": "<!doctype html>",
	} {
		if got := get(t, base+path); !strings.Contains(strings.ToLower(got), want) {
			t.Errorf("/%s: %.200s", path, got)
		}
	}
}

func TestSnippetsOfServices(t *testing.T) {
	tests := map[string]struct {
		svc  v1alpha1.RealtimeServiceSpec
		want string
	}{
		"dynamic namespaces alone": {v1alpha1.RealtimeServiceSpec{}, `io("http://h");`},
		"nothing to say": {v1alpha1.RealtimeServiceSpec{Namespaces: []v1alpha1.Namespace{
			{Name: "/", Handlers: []v1alpha1.Handler{{Event: "connection"}, {Event: "*"}}},
		}}, `io("http://h");`},
		"quotes": {v1alpha1.RealtimeServiceSpec{Namespaces: []v1alpha1.Namespace{
			{Name: "/", Handlers: []v1alpha1.Handler{{Event: "disconnect"}, {Event: `a"b`}}},
		}}, `socket.emit("a\"b", "hello");`},
		"a token": {v1alpha1.RealtimeServiceSpec{Namespaces: []v1alpha1.Namespace{{Name: "/chat", Authentication: []string{"users"}}}},
			`io("http://h/chat", { auth: { token: "…" } });`},
		"a refusal": {v1alpha1.RealtimeServiceSpec{Namespaces: []v1alpha1.Namespace{{Name: "/chat", Authentication: []string{"users"}}}},
			`socket.on("connect_error", (err) => console.log(err.message, err.data));`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(snippet(&v1alpha1.RealtimeService{Spec: tt.svc}, "http://h/"), "\n")
			if !strings.Contains(got, tt.want) || strings.Contains(got, "socket.emit") != strings.Contains(tt.want, "emit") {
				t.Errorf("snippet\n%s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestItIsToldWhoIsAsked(t *testing.T) {
	svc := &v1alpha1.RealtimeService{Spec: v1alpha1.RealtimeServiceSpec{
		Authentication:    []v1alpha1.Authentication{{Name: "users"}, {Name: "devices"}, {Name: "pages"}},
		Namespaces:        []v1alpha1.Namespace{{Name: "/"}, {Name: "/chat", Authentication: []string{"users"}}},
		DynamicNamespaces: []v1alpha1.DynamicNamespace{{Pattern: "/x", Authentication: []string{"pages"}}},
	}}
	if got, want := namespaces(svc), []string{"/", "/chat (users)"}; !slices.Equal(got, want) {
		t.Errorf("namespaces %q, want %q", got, want)
	}
	if got, want := unused(svc), []string{"devices"}; !slices.Equal(got, want) {
		t.Errorf("unused %q, want %q", got, want)
	}
}

func TestASessionIsServedByEveryGateway(t *testing.T) {
	s := run(t, Options{Gateways: 2})
	urls := s.await(t, `gateway 1 +(http://\S+)/\n.*gateway 2 +(http://\S+)/\n`)
	ask := func(url, sid string) string {
		t.Helper()
		resp, err := http.Get(url + "/socket.io/?EIO=4&transport=polling&sid=" + sid)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("answered %d %s, %v", resp.StatusCode, body, err)
		}
		return string(body)
	}
	sid := strings.Split(ask(urls[1], ""), `"`)[3]
	resp, err := http.Post(urls[2]+"/socket.io/?EIO=4&transport=polling&sid="+sid, "text/plain", strings.NewReader("40"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := ask(urls[2], sid); !strings.HasPrefix(got, "40{") {
		t.Errorf("the poll is answered %s", got)
	}
}

func TestProgramsPublish(t *testing.T) {
	file := filepath.Join(t.TempDir(), "greeter.yaml")
	manifest := strings.Replace(greeter, "spec: {", "spec: {api: {tokenSecretRef: {name: tokens}}, ", 1)
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	s := run(t, Options{Manifest: file, Gateways: 2})
	url := s.await(t, `gateway 2 +(http://\S+)/\n`)[1]
	shown := s.await(t, `token (\S+) at (http://localhost:\S+/emit)\n.*over NATS at nats://\S+ on realtime\.emit\.default\.greeter\n`)
	ada, _ := wiretest.Connect(t, url, "/socket.io/", "/")
	for token, want := range map[string]int{"guess": http.StatusUnauthorized, shown[1]: http.StatusOK} {
		r, err := http.NewRequest("POST", shown[2], strings.NewReader(`{"event":"news"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("the answer is %s, want %d", resp.Status, want)
		}
	}
	ada.Expect(`42["news"]`)
}

func TestSecretsAreFilesOfAFolder(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "greeter.yaml")
	manifest := strings.Replace(greeter, "spec: {namespaces: [{name: /,",
		"spec: {authentication: [{name: devices, tokens: {secretRef: {name: devices}}}], namespaces: [{name: /, authentication: [devices],", 1)
	if err := os.Mkdir(filepath.Join(dir, "devices"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{file: manifest, filepath.Join(dir, "devices", "one"): "0123456789abcdef\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	url := run(t, Options{Manifest: file, Gateways: 1, Secrets: dir}).await(t, `gateway 1 +(http://\S+)/\n`)[1]
	c := wiretest.Dial(t, url, "/socket.io/", "", nil)
	c.Send("40")
	c.Expect(`44{"message":"Unauthorized","data":{"code":"token_missing"}}`)
	c.Send(`40{"token":"0123456789abcdef"}`)
	if got := c.Receive(); !strings.HasPrefix(got, "40{") {
		t.Errorf("with a token, answered %s", got)
	}
	c.Send(`42["hi"]`)
	c.Expect(`42["hello","old"]`)
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte(strings.Replace(greeter, "event: hi", "evnt: hi", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		bad:                             "spec.namespaces[0].handlers[0].evnt",
		filepath.Join(dir, "none.yaml"): "read the manifest",
	} {
		err := Run(t.Context(), Options{Manifest: file, Gateways: 1, Out: io.Discard, Log: slog.New(slog.DiscardHandler)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
	}
}

// get is the body of an answer.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
