// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
)

const page = "../../../docs/reference/authentication-requests.md"

// examples are the blocks of JSON of the documentation.
func examples(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, rest := range strings.Split(string(text), "\n```json\n")[1:] {
		block, _, _ := strings.Cut(rest, "\n```\n")
		blocks = append(blocks, block)
	}
	if len(blocks) != 4 {
		t.Fatalf("%s has %d examples, want a question and three answers", page, len(blocks))
	}
	return blocks
}

// The page shows the programs that the tests of stock clients run.
func TestTheDocumentedProgramsAreTheExamples(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"accounts/main.go", "accounts.mjs", "accounts-nats.mjs"} {
		example, err := os.ReadFile("../../../docs/examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		code := strings.TrimPrefix(string(example), "// SPDX-License-Identifier: Apache-2.0\n\n")
		if !strings.Contains(string(text), "\n"+strings.TrimSpace(code)+"\n```\n") {
			t.Errorf("%s has another text than %s", page, name)
		}
	}
}

func TestTheDocumentedQuestionIsAsked(t *testing.T) {
	p := &program{}
	p.says(`{"user":"anna"}`)
	w := overHTTP(t, Config{Locations: tokenLocations(t), Headers: []string{"User-Agent"}, Query: []string{"tenant"}}, p)
	_, err := w.Authenticate(t.Context(), &identity.Request{
		Service: "shop/chat", Namespace: "/orders", Address: "192.0.2.7",
		Header: http.Header{"User-Agent": {"Mozilla/5.0"}, "Cookie": {"a=b"}}, Query: map[string][]string{"tenant": {"north"}, "EIO": {"4"}},
		Auth: json.RawMessage(`{"token":"3q2-7w","device":7}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	var asked, documented any
	if json.Unmarshal([]byte(*p.question.Load()), &asked) != nil || json.Unmarshal([]byte(examples(t)[0]), &documented) != nil {
		t.Fatal("one of them is not JSON")
	}
	if diff := cmp.Diff(documented, asked); diff != "" {
		t.Error(diff)
	}
}

func TestTheDocumentedAnswersAreUnderstood(t *testing.T) {
	for i, want := range []verdict{
		{statement: &identity.Statement{User: "anna", Claims: json.RawMessage(`{"role": "editor"}`), Expires: time.Unix(4102444800, 0)}, ttl: time.Minute},
		{refusal: &identity.Error{Code: identity.Forbidden, Message: "your trial has ended", Reason: "the webhook refuses the client"}, ttl: time.Minute},
		{refusal: identity.NotRecognized("the webhook does not recognize the client"), ttl: defaultNegativeTTL},
	} {
		v, err := decode([]byte(examples(t)[i+1]))
		if err != nil {
			t.Errorf("answer %d: %v", i, err)
			continue
		}
		if diff := cmp.Diff(want, *v, cmp.AllowUnexported(verdict{})); diff != "" {
			t.Errorf("answer %d: %s", i, diff)
		}
	}
}
