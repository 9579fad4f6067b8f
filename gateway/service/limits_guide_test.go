// SPDX-License-Identifier: Apache-2.0

package service

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// limitSnippet is a manifest of the guide, and behind it in a comment what tests it.
var limitSnippet = regexp.MustCompile("(?s)```yaml\n(.*?)```\n(?:<!-- test\n(.*?)\n-->)?")

// TestTheGuideOfLimits loads every manifest of docs/how-to/limit-clients.md, and runs those that
// say how.
func TestTheGuideOfLimits(t *testing.T) {
	guide, err := os.ReadFile("../../docs/how-to/limit-clients.md")
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]func(c *wiretest.Client) (last string){
		"socket": func(c *wiretest.Client) (last string) {
			for range 40 {
				c.Send(`42["say","hello"]`)
				c.Expect(`42["said","hello"]`)
			}
			c.Send(`421["say","hello"]`)
			return c.Receive()
		},
		"typing": func(c *wiretest.Client) string {
			for range 100 {
				c.Send(`42["typing"]`)
			}
			for range 5 {
				c.Send(`421["upload"]`)
				c.Expect(`431[{"error":"the service does not handle the event"}]`)
			}
			c.Send(`421["upload"]`)
			return c.Receive()
		},
	}
	wants := map[string]string{
		"socket": `431[{"error":{"code":"rate_limited","limit":"perSocket.events","retryAfter":50}}]`,
		"typing": `431[{"error":{"code":"rate_limited","limit":"perSocket.byEvent[1]","retryAfter":1000}}]`,
	}
	found := limitSnippet.FindAllStringSubmatch(string(guide), -1)
	if len(found) < 4 {
		t.Fatalf("only %d manifests are found", len(found))
	}
	ran := 0
	for _, snippet := range found {
		p := members(t, "  "+strings.ReplaceAll(snippet[1], "\n", "\n  "), limitedMembers)
		if script := snippet[2]; script != "" {
			ran++
			t.Run(script, func(t *testing.T) {
				_, url := runtimeAt(t, p, new(handClock).Now)
				if got := scripts[script](connect(t, url)); got != wants[script] {
					t.Errorf("answered %s, want %s", got, wants[script])
				}
			})
		}
	}
	if ran != len(scripts) {
		t.Errorf("%d of %d scripts are run", ran, len(scripts))
	}
}
