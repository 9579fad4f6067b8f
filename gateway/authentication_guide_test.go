// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// authenticateSnippet is a manifest of the guide, and behind it in a comment what tests it.
var authenticateSnippet = regexp.MustCompile("(?s)```yaml\n(.*?)```\n(?:<!-- test\n(.*?)\n-->)?")

// TestTheGuideOfAuthentication loads every manifest of docs/how-to/authenticate.md and of
// docs/reference/authentication-requests.md, and runs those that need nobody else's keys or
// answers.
func TestTheGuideOfAuthentication(t *testing.T) {
	guide, err := os.ReadFile("../docs/how-to/authenticate.md")
	if err != nil {
		t.Fatal(err)
	}
	key := jwttest.HMAC("2026-11", []byte("0123456789abcdef0123456789abcdef"))
	token := key.Sign(t, "HS256", map[string]any{
		"iss": "backend", "aud": "chat", "sub": "anna", "exp": time.Now().Add(time.Minute).Unix(), "teams": []string{"red"},
	})
	dir := t.TempDir()
	write := func(secret, name, content string) {
		t.Helper()
		if err := os.Mkdir(filepath.Join(dir, secret), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, secret, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("chat-jwt", "2026-11", "0123456789abcdef0123456789abcdef")
	write("devices", "sensor-7", "0123456789abcdef\n")
	scripts := map[string]func(t *testing.T, url string){
		"backend": func(t *testing.T, url string) { wantWho(t, url, byToken(token), `["anna",["red"]]`) },
		"devices": func(t *testing.T, url string) {
			wantWho(t, url, attempt{header: bearer("0123456789abcdef")}, `["sensor-7"]`)
			wantWho(t, url, byToken("0123456789abcdef"), `["sensor-7"]`)
		},
	}
	reference, err := os.ReadFile("../docs/reference/authentication-requests.md")
	if err != nil {
		t.Fatal(err)
	}
	snippets := authenticateSnippet.FindAllStringSubmatch(string(guide)+string(reference), -1)
	if len(snippets) < 7 {
		t.Fatalf("only %d manifests are found", len(snippets))
	}
	ran := 0
	for _, found := range snippets {
		svc := guideService(t, found[1])
		if script := found[2]; script != "" {
			ran++
			t.Run(script, func(t *testing.T) {
				leakCheck(t)
				p := startWith(t, natstest.Start(t, nil).ClientURL(), 0, render(t, svc), func(o *RunOptions) { o.AuthenticationDir = dir })
				await(t, p.ops+"/readyz", ready)
				scripts[script](t, p.clients)
				if got := (attempt{}).answer(t, p.clients); got != refusal("Unauthorized", "token_missing") {
					t.Errorf("without a token, answered %s", got)
				}
			})
		}
	}
	if ran != len(scripts) {
		t.Errorf("%d of %d scripts are run", ran, len(scripts))
	}
}

func guideService(t *testing.T, spec string) *v1alpha1.RealtimeService {
	t.Helper()
	indented := "  " + strings.ReplaceAll(spec, "\n", "\n  ")
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: guide}\nspec:\n"+indented))
	if err != nil {
		t.Fatalf("%v\n%s", err, spec)
	}
	return svc
}

func wantWho(t *testing.T, url string, a attempt, want string) {
	t.Helper()
	a.event = "whoami"
	if got := a.answer(t, url); got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}
