// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// program is a part of the cluster. Its source, or the go.mod that pins it, is a folder here.
type program struct{ name, folder, pkg string }

// extras are built if they are asked for: tests bring them into the cluster as images.
var extras = []program{
	{"traefik", "traefik", "github.com/traefik/traefik/v3/cmd/traefik"},
}

var programs = []program{
	{"etcd", "kubernetes", "go.etcd.io/etcd/server/v3"},
	{"kube-apiserver", "kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver"},
	{"kube-controller-manager", "kubernetes", "k8s.io/kubernetes/cmd/kube-controller-manager"},
	{"kube-proxy", "kubernetes", "k8s.io/kubernetes/cmd/kube-proxy"},
	{"kube-scheduler", "kubernetes", "k8s.io/kubernetes/cmd/kube-scheduler"},
	{"kubectl", "kubernetes", "k8s.io/kubernetes/cmd/kubectl"},
	{"kubelet", "kubernetes", "k8s.io/kubernetes/cmd/kubelet"},
	{"containerd", "containerd", "github.com/containerd/containerd/v2/cmd/containerd"},
	{"containerd-shim-runc-v2", "containerd", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"},
	{"ctr", "containerd", "github.com/containerd/containerd/v2/cmd/ctr"},
	{"coredns", "coredns", "."},
	{"kube-router", "kube-router", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"},
	{"metrics-server", "kubernetes", "sigs.k8s.io/metrics-server/cmd/metrics-server"},
	{"pause", "pause", "."},
}

// builder builds programs into a folder of the cache for each folder of sources. Its name has a
// hash of them, so that a version that changes is built anew, and a clean clone finds what another
// has built.
type builder struct{ sources, cache string }

// build returns the paths of programs, by name; without names, of all. It builds what is missing.
func (b *builder) build(ctx context.Context, names ...string) (map[string]string, error) {
	if err := os.MkdirAll(b.cache, 0o755); err != nil {
		return nil, err
	}
	unlock, err := lock(b.cache)
	if err != nil {
		return nil, err
	}
	defer unlock()

	paths, missing := map[string]string{}, map[string][]program{}
	asked := programs
	if len(names) > 0 {
		asked = slices.DeleteFunc(slices.Concat(programs, extras), func(p program) bool { return !slices.Contains(names, p.name) })
	}
	for _, p := range asked {
		target, err := b.target(ctx, p.folder)
		if err != nil {
			return nil, err
		}
		paths[p.name] = filepath.Join(target, p.name)
		if _, err := os.Stat(paths[p.name]); err != nil {
			missing[p.folder] = append(missing[p.folder], p)
		}
	}
	for _, name := range names {
		if paths[name] == "" {
			return nil, fmt.Errorf("there is no program %s", name)
		}
	}
	for folder, programs := range missing {
		if err := b.buildFolder(ctx, folder, programs); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

// target is where the programs of a folder of sources go.
func (b *builder) target(ctx context.Context, folder string) (string, error) {
	version, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return "", fmt.Errorf("asking Go for its version: %w", err)
	}
	hash := sha256.New()
	hash.Write([]byte(runtime.GOOS + " " + runtime.GOARCH + " " + string(version)))
	if err := hashFiles(hash, filepath.Join(b.sources, folder)); err != nil {
		return "", err
	}
	return filepath.Join(b.cache, folder+"-"+hex.EncodeToString(hash.Sum(nil))[:12]), nil
}

// hashFiles adds the files of a folder and of those in it to a hash.
func hashFiles(hash io.Writer, folder string) error {
	return filepath.WalkDir(folder, func(path string, file fs.DirEntry, err error) error {
		if err != nil || file.IsDir() {
			return err
		}
		source, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = io.Copy(hash, source)
		return errors.Join(err, source.Close())
	})
}

// buildFolder builds programs of one folder of sources at once, since they share packages.
func (b *builder) buildFolder(ctx context.Context, folder string, programs []program) (err error) {
	target, err := b.target(ctx, folder)
	if err != nil {
		return err
	}
	flags, err := b.linkerFlags(folder)
	if err != nil {
		return err
	}
	// What is half built must not be taken for built: a rename is whole or not at all.
	unfinished := target + ".unfinished"
	defer func() { err = errors.Join(err, os.RemoveAll(unfinished)) }()
	if err := errors.Join(os.MkdirAll(target, 0o755), os.MkdirAll(unfinished, 0o755)); err != nil {
		return err
	}
	sources := filepath.Join(b.sources, folder)
	if folder == "traefik" {
		var remove func() error
		if sources, remove, err = prepareTraefik(ctx, sources, b.cache); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	args := []string{"build", "-C", sources, "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", unfinished + "/"}
	var names []string
	for _, p := range programs {
		args = append(args, p.pkg)
		names = append(names, p.name)
	}
	say("building %s", strings.Join(names, ", "))
	start := time.Now()
	command := exec.CommandContext(ctx, "go", args...)
	// As all else here is built, so that the build cache holds each package once.
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("building %s: %w", strings.Join(names, ", "), err)
	}
	for _, p := range programs {
		built := p.name
		if p.name == "etcd" {
			built = "server" // Go names it so after its package
		}
		if err := os.Rename(filepath.Join(unfinished, built), filepath.Join(target, p.name)); err != nil {
			return err
		}
	}
	say("built in %v", time.Since(start).Round(time.Second))
	return nil
}

var kubernetesVersion = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v(\d+)\.(\d+)\.\S+)`)

// linkerFlags stamps Kubernetes with its version, as its own build does; otherwise clients take it
// for v0.0.0.
func (b *builder) linkerFlags(folder string) (string, error) {
	flags := "-s -w"
	if folder != "kubernetes" {
		return flags, nil
	}
	module, err := os.ReadFile(filepath.Join(b.sources, folder, "go.mod"))
	if err != nil {
		return "", err
	}
	version := kubernetesVersion.FindSubmatch(module)
	if version == nil {
		return "", errors.New("kubernetes/go.mod does not require k8s.io/kubernetes")
	}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %[1]s.gitVersion=%[2]s -X %[1]s.gitMajor=%[3]s -X %[1]s.gitMinor=%[4]s", pkg, version[1], version[2], version[3])
	}
	return flags, nil
}

func printPrograms(ctx context.Context, b *builder, names []string) error {
	paths, err := b.build(ctx, names...)
	if err != nil {
		return err
	}
	for _, p := range slices.Concat(programs, extras) {
		if path, ok := paths[p.name]; ok {
			fmt.Println(path)
		}
	}
	return nil
}

// folderOf is the folder of programs that have one in common.
func folderOf(paths map[string]string) string {
	for _, path := range paths {
		return filepath.Dir(path)
	}
	return ""
}

// lock waits until no other process has the lock of a folder. It ends with the process, so none is
// left behind.
func lock(folder string) (unlock func(), err error) {
	for {
		file, err := os.Open(folder)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
			file.Close()
			return nil, fmt.Errorf("locking %s: %w", folder, err)
		}
		// Whoever had it may have removed the folder, and another may have made it again.
		locked, errLocked := file.Stat()
		named, errNamed := os.Stat(folder)
		if errLocked == nil && errNamed == nil && os.SameFile(locked, named) {
			return func() { file.Close() }, nil
		}
		file.Close()
		if errNamed != nil {
			return nil, errNamed
		}
	}
}

// say tells what is going on. Standard output is for answers.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "cluster: "+format+"\n", args...)
}
