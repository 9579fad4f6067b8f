// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What a gateway pod must not have in it, and what only the operator may have: decisions 0033
// and 0043.
var (
	natsServer       = "github.com/nats-io/nats-server/"
	apiServer        = "k8s.io/apiserver/"
	crdChecks        = "k8s.io/apiextensions-apiserver/pkg/apiserver"
	kubernetesClient = "k8s.io/client-go/"
	operatorLibrary  = "sigs.k8s.io/controller-runtime/"
)

// ours begins the packages of this module.
const ours = "github.com/realtime-operator/realtime-operator"

// goRunBudget is the number of packages of others that `go run . dev` may compile. They decide how
// long the first start takes.
const goRunBudget = 634

func TestDependencies(t *testing.T) {
	for name, c := range map[string]struct {
		args   []string
		has    []string
		hasNot []string
		most   int // packages of others; 0: any number
	}{
		"the image's program": {
			[]string{"-tags", "operator,nodev", "."},
			[]string{kubernetesClient}, []string{natsServer, apiServer, crdChecks}, 0,
		},
		"the program with all commands": {
			[]string{"-tags", "operator", "."},
			[]string{natsServer, crdChecks, kubernetesClient}, nil, 0,
		},
		"what go run compiles": {
			[]string{"."},
			[]string{natsServer, crdChecks}, []string{kubernetesClient, operatorLibrary}, goRunBudget,
		},
		"gateways": {
			[]string{"./gateway", "./gateway/service", "./gateway/cluster", "./gateway/forward", "./gateway/publish"},
			[]string{"github.com/nats-io/nats.go"}, []string{natsServer, apiServer, crdChecks, kubernetesClient, operatorLibrary}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, c.args...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			packages := strings.Fields(string(output))
			others := slices.DeleteFunc(slices.Clone(packages), func(p string) bool { return strings.HasPrefix(p, ours) })
			if c.most > 0 && len(others) > c.most {
				t.Errorf("%d packages of others, want at most %d", len(others), c.most)
			}
			imports := func(prefix string) bool {
				return slices.ContainsFunc(packages, func(p string) bool { return strings.HasPrefix(p+"/", prefix) })
			}
			for _, prefix := range c.has {
				if !imports(prefix) {
					t.Errorf("%s is not there, and the test does not see what it should", prefix)
				}
			}
			for _, prefix := range c.hasNot {
				if imports(prefix) {
					t.Errorf("%s is linked", prefix)
				}
			}
		})
	}
}
