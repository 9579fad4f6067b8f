//go:build chart

// SPDX-License-Identifier: Apache-2.0

package charts

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// caBundle is what the operator writes into the webhook's configuration. No program that installs
// it may remove it.
const caBundle = "c29tZSBDQQ=="

// cluster is an API server without an operator, for one test.
type cluster struct {
	t          *testing.T
	kubeconfig string
}

func startCluster(t *testing.T) cluster {
	t.Helper()
	environment := &envtest.Environment{}
	if _, err := environment.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	user, err := environment.AddUser(envtest.User{Name: "admin", Groups: []string{"system:masters"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := user.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	return cluster{t, file}
}

// try runs the tool that an environment variable names.
func (c cluster) try(input []byte, variable string, arguments ...string) (string, error) {
	c.t.Helper()
	command := exec.Command(tool(c.t, variable), arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+c.kubeconfig, "HELM_CACHE_HOME="+c.t.TempDir(), "HELM_CONFIG_HOME="+c.t.TempDir())
	command.Stdin = bytes.NewReader(input)
	output, err := command.CombinedOutput()
	return string(output), err
}

func (c cluster) run(input []byte, variable string, arguments ...string) string {
	c.t.Helper()
	output, err := c.try(input, variable, arguments...)
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", variable, strings.Join(arguments, " "), err, output)
	}
	return output
}

func (c cluster) kubectl(arguments ...string) string {
	c.t.Helper()
	return c.run(nil, "KUBECTL", arguments...)
}

// writeBundle does what the operator does to the webhook's configuration.
func (c cluster) writeBundle() {
	c.t.Helper()
	c.kubectl("patch", "validatingwebhookconfiguration/realtime-operator", "--field-manager", "operator", "--type", "json",
		"--patch", `[{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "`+caBundle+`"}]`)
	if got := c.bundle(); got != caBundle {
		c.t.Fatalf("caBundle is %q", got)
	}
}

func (c cluster) bundle() string {
	c.t.Helper()
	return c.kubectl("get", "validatingwebhookconfiguration/realtime-operator", "--output", "jsonpath={.webhooks[0].clientConfig.caBundle}")
}
