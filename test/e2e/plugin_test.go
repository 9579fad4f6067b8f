//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// testPlugin has kubectl find the program as its plugin, and asks gateways by it.
func testPlugin(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(setting(t, "PLUGIN"), filepath.Join(dir, "kubectl-rts")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	s := apply(t, newNamespace(t, "plugin"), sample(t, "chat"))
	rts := func(args ...string) string {
		t.Helper()
		return kubectl(t, append([]string{"rts", "--namespace", s.namespace}, args...)...)
	}
	has := func(text string, parts ...string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("there is no %q in:\n%s", part, text)
			}
		}
	}
	c := startClients(t)
	c.connect("ada", s.url())
	mark := c.mark()

	has(rts("status"), s.namespace+"/"+s.name, "gateways are connected; version 2.", "RolledOut")
	has(rts("top", "gateways"), "CLIENTS", s.name+"-gateway-")
	has(rts("who", "/"), "websocket", "1 sockets are in the namespace /")
	has(rts("top", "users"), "SOCKETS")
	has(rts("emit", "--of", "/", "systemMessage", `{"text":"by kubectl"}`), "emitted systemMessage")
	c.waitSince(mark, "ada", "systemMessage", 5*time.Second, func(args []any) bool {
		said, _ := args[0].(map[string]any)
		return said["text"] == "by kubectl"
	})
	has(rts("tail", "/", "--for", "2s", "--output", "json")+"ended", "ended")

	bundle := filepath.Join(dir, "bundle.tar.gz")
	has(rts("collect", "--filename", bundle), bundle+" has")
	if info, err := os.Stat(bundle); err != nil || info.Size() < 1000 {
		t.Errorf("the bundle: %v", err)
	}
	pods := strings.Fields(s.kubectl("get", "pods", "--selector=app.kubernetes.io/component=gateway", "--output=jsonpath={.items[*].metadata.name}"))
	has(rts("drain", pods[0], "--timeout=2m"), pods[0]+" drained")
	s.kubectl("wait", "rts/"+s.name, "--for=condition=Ready", "--timeout=60s")
	c.close("ada")
}
