// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

func load(ctx context.Context, archives []string) error {
	if nodeProcess() == 0 {
		return errors.New("no cluster is up")
	}
	for _, archive := range archives {
		if err := importImage(ctx, archive); err != nil {
			return err
		}
	}
	return nil
}

func importImage(ctx context.Context, archive string) error {
	// The socket is of the node, but its path is one that host and node share. The host's
	// namespaces suffice to read the archive.
	command := exec.CommandContext(ctx, inState("bin/ctr"), "--address="+inState("containerd.sock"), "--namespace=k8s.io", "images", "import", archive)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("importing %s: %w: %s", archive, err, output)
	}
	return nil
}

func printKubeconfig() error {
	if nodeProcess() == 0 {
		return errors.New("no cluster is up")
	}
	fmt.Println(inState("admin.kubeconfig"))
	return nil
}
