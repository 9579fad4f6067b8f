// SPDX-License-Identifier: Apache-2.0

package service

import (
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// snippet is a manifest of the guide, and behind it in a comment what is sent and received. A line
// of the script is for client a or b: "a> packet" is sent, "a< packet" must come, "a+ namespace"
// joins; "refused text" wants a refusal.
var snippet = regexp.MustCompile("(?s)```yaml\n(.*?)```\n(?:<!-- test\n(.*?)-->)?")

// TestTheGuide runs every manifest of docs/how-to/handlers.md.
func TestTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/handlers.md")
	if err != nil {
		t.Fatal(err)
	}
	snippets := snippet.FindAllStringSubmatch(string(guide), -1)
	if len(snippets) < 6 {
		t.Fatalf("only %d manifests are found", len(snippets))
	}
	for _, found := range snippets {
		spec, script := found[1], found[2]
		title := strings.TrimSpace(strings.SplitN(script, "\n", 2)[0])
		t.Run(title, func(t *testing.T) {
			if script == "" {
				t.Fatalf("nothing tests this manifest:\n%s", spec)
			}
			runScript(t, spec, script)
		})
	}
}

// guideUsers are the users of clients a and b, where the manifest asks for tokens.
var guideUsers = map[string]string{"ada": "token-of-client-a-alone", "bob": "token-of-client-b-alone"}

func guideProgram(t *testing.T, spec string) *Program {
	if strings.Contains(spec, "authentication:") {
		return members(t, "  "+strings.ReplaceAll(spec, "\n", "\n  "), guideUsers)
	}
	return specProgram(t, spec)
}

func runScript(t *testing.T, spec, script string) {
	var r *Runtime
	var url string
	if p := guideProgram(t, spec); strings.Contains(spec, "recovery:") {
		runtimes, urls := storing(t, p, 1)
		r, url = runtimes[0], urls[0]
	} else {
		r, url = runtimeOf(t, p)
	}
	clients := map[string]*wiretest.Client{}
	client := func(name string) *wiretest.Client {
		if clients[name] == nil {
			t.Fatalf("there is no client %s", name)
		}
		return clients[name]
	}
	switch {
	case strings.HasPrefix(script, "refused"):
	case strings.Contains(spec, "authentication:"):
		clients["a"], _ = enter(t, url, guideUsers["ada"])
		clients["b"], _ = enter(t, url, guideUsers["bob"])
	default:
		clients["a"], clients["b"] = connect(t, url), connect(t, url)
	}
	for line := range strings.Lines(script) {
		do, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch {
		case do == "refused":
			err := r.AllowRequest(httptest.NewRequest("GET", path+"?token=wrong", nil))
			if err == nil || err.Error() != text {
				t.Errorf("the refusal is %v, want %s", err, text)
			}
		case strings.HasSuffix(do, "+"):
			client(do[:1]).Join(text)
		case strings.HasSuffix(do, ">"):
			client(do[:1]).Send(text)
		case strings.HasSuffix(do, "<"):
			client(do[:1]).Expect(text)
		default:
			t.Fatalf("what is %q?", line)
		}
	}
}
