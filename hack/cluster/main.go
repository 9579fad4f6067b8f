// SPDX-License-Identifier: Apache-2.0

// Program cluster runs a real Kubernetes for the tests, built from Go modules. The script next to
// it builds and calls it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: hack/cluster/cluster COMMAND

  build [PROGRAM…]  build programs of the cluster if they are missing, or all, and print where they are
  envtest-assets    build kube-apiserver, etcd and kubectl if missing, and print the folder, for KUBEBUILDER_ASSETS
  up                bring up the cluster, if it is not up; needs root and the packages of install-deps.sh
  down              end it, and leave nothing
  load ARCHIVE…     load images that docker or buildah saved
  kubeconfig        print the path of the administrator's kubeconfig
`

// nodeCommand is what up starts this program with, as the first process of the node.
const nodeCommand = "node"

func main() {
	sources := flag.String("sources", "hack/cluster", "the folder of this program's source")
	cache := flag.String("cache", "", "the folder for what is built")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, &builder{sources: *sources, cache: *cache}, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1) //nolint:gocritic // what is deferred ends with the process
	}
}

func run(ctx context.Context, b *builder, args []string) error {
	if len(args) == 0 {
		args = []string{"help"}
	}
	command, args := args[0], args[1:]
	if len(args) > 0 && command != "build" && command != "load" {
		return fmt.Errorf("%s takes no arguments\n%s", command, usage)
	}
	switch command {
	case "build":
		return printPrograms(ctx, b, args)
	case "envtest-assets":
		paths, err := b.build(ctx, "kube-apiserver", "etcd", "kubectl")
		if err != nil {
			return err
		}
		fmt.Println(folderOf(paths))
		return nil
	case "up":
		return up(ctx, b)
	case "down":
		return down(ctx)
	case "load":
		return load(ctx, args)
	case "kubeconfig":
		return printKubeconfig()
	case nodeCommand:
		return node()
	case "help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("there is no command %s\n%s", command, usage)
}
