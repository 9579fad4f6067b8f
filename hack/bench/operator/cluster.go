// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

// operatorUser is who the operator is to the API server.
const operatorUser = "realtime-operator"

// auditPolicy has the API server log each request of the operator, and no other.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, users: [` + operatorUser + `]}
- level: None
`

// cluster is an API server.
type cluster struct {
	client.Client // reads from the API server

	config *rest.Config
	scheme *runtime.Scheme
	audit  audit
	// kubeconfig is a file with the operator's access.
	kubeconfig  string
	environment *envtest.Environment
}

// startCluster starts an API server, whose files are in a folder.
func startCluster(dir string) (*cluster, error) {
	policy, logged := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return nil, fmt.Errorf("write the audit policy: %w", err)
	}
	environment := &envtest.Environment{
		CRDDirectoryPaths:        []string{"config/crd/bases"},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStopTimeout:  time.Minute,
		ControlPlaneStartTimeout: 2 * time.Minute,
	}
	environment.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).
		Set("audit-log-path", logged).
		Set("audit-log-maxsize", "100000"). // MB: it is not rotated
		Set("service-cluster-ip-range", "10.0.0.0/16")
	config, err := environment.Start()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start an API server: %w", err), environment.Stop())
	}
	config.QPS = -1
	c := &cluster{config: config, scheme: runtime.NewScheme(), audit: audit{path: logged}, environment: environment}
	c.kubeconfig = filepath.Join(dir, "kubeconfig")
	if err := c.prepare(); err != nil {
		return nil, errors.Join(err, environment.Stop())
	}
	return c, nil
}

func (c *cluster) prepare() error {
	if err := errors.Join(clientgoscheme.AddToScheme(c.scheme), v1alpha1.AddToScheme(c.scheme)); err != nil {
		return fmt.Errorf("register types: %w", err)
	}
	var err error
	if c.Client, err = client.New(c.config, client.Options{Scheme: c.scheme}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	user, err := c.environment.AddUser(envtest.User{Name: operatorUser, Groups: []string{"system:masters"}}, nil)
	if err != nil {
		return fmt.Errorf("add the operator's user: %w", err)
	}
	access, err := user.KubeConfig()
	if err != nil {
		return fmt.Errorf("give the operator access: %w", err)
	}
	if err := os.WriteFile(c.kubeconfig, access, 0o600); err != nil {
		return fmt.Errorf("give the operator access: %w", err)
	}
	return nil
}
