//go:build release

// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdxlib"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	revision = "0123456789abcdef0123456789abcdef01234567"
	created  = "1790000000" // 2026-09-21T14:13:20Z
)

// TestRelease builds a release twice, from two folders, and then looks at it as those do who
// install it. `make test-release` runs it.
func TestRelease(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	makeRelease(t, "../..", first)
	copied := copySource(t)
	makeRelease(t, copied, second)

	t.Run("two builds are equal", func(t *testing.T) { compare(t, first, second) })
	t.Run("checksums", func(t *testing.T) {
		command := exec.Command("sha256sum", "--check", "--strict", checksumsFile)
		command.Dir = first
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, output)
		}
	})
	version := releaseVersion(t)
	r := release{out: first, version: version}
	index := openLayout(t, r.path(r.imageFile()))
	for _, target := range targets {
		t.Run(target.platform(), func(t *testing.T) {
			image := imageOf(t, index, target)
			testConfig(t, image, target, version)
			program := filepath.Join(t.TempDir(), "realtime")
			testFiles(t, image, program)
			testSBOM(t, r.path(r.sbomFile(target)), program)
		})
	}
	t.Run("provenance", func(t *testing.T) { testProvenance(t, r) })
	t.Run("chart", func(t *testing.T) { testChart(t, r) })
}

func makeRelease(t *testing.T, source, out string) {
	t.Helper()
	err := run(t.Context(), []string{
		"-source", source, "-out", out, "-revision", revision, "-created", created,
		"-client", filepath.Join(source, "dist/client"), "-certificates", filepath.Join(source, "dist/ca-certificates.crt"),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// copySource copies what a release is made of into another folder, as another checkout has it.
func copySource(t *testing.T) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "a", "checkout somewhere else")
	for _, name := range []string{"api", "charts", "config", "controllers", "gateway", "dist/client"} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join("../..", name))); err != nil {
			t.Fatal(err)
		}
	}
	files, err := filepath.Glob("../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "../../go.mod", "../../go.sum", "../../dist/ca-certificates.crt", "../../"+lockFile) {
		copied := filepath.Join(to, strings.TrimPrefix(file, "../../"))
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(copied), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func releaseVersion(t *testing.T) string {
	t.Helper()
	chart, err := readChart("../..")
	if err != nil {
		t.Fatal(err)
	}
	return chart.Version
}

func compare(t *testing.T, first, second string) {
	t.Helper()
	var sums [2][]checksum
	for i, folder := range []string{first, second} {
		r := release{out: folder}
		var err error
		if sums[i], err = r.checksums(); err != nil {
			t.Fatal(err)
		}
	}
	if len(sums[0]) < 7 {
		t.Errorf("a release has only %v", sums[0])
	}
	for i, sum := range sums[0] {
		if i >= len(sums[1]) || sums[1][i] != sum {
			t.Errorf("%v of the first build is not in the second one: %v", sum, sums[1])
		}
	}
}

// unpack unpacks an archive into a folder.
func unpack(t *testing.T, r io.Reader, folder string) {
	t.Helper()
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, header.Name)
		if header.Typeflag == tar.TypeDir {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func openLayout(t *testing.T, file string) v1.ImageIndex {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	folder := t.TempDir()
	unpack(t, f, folder)
	index, err := layout.ImageIndexFromPath(folder)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func imageOf(t *testing.T, outer v1.ImageIndex, target target) v1.Image {
	t.Helper()
	manifest, err := outer.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("the layout has %+v: %v", manifest, err)
	}
	index, err := outer.ImageIndex(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	if manifest, err = index.IndexManifest(); err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		if d.Platform.OS == target.os && d.Platform.Architecture == target.arch {
			image, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			return image
		}
	}
	t.Fatalf("there is no image for %s in %+v", target.platform(), manifest)
	return nil
}

func testConfig(t *testing.T, image v1.Image, target target, version string) {
	t.Helper()
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.OS != target.os || file.Architecture != target.arch || file.Config.User != "65532:65532" ||
		!slices.Equal(file.Config.Entrypoint, []string{"/realtime"}) || file.Created.Unix() != 1790000000 {
		t.Errorf("config %+v", file)
	}
	for label, want := range map[string]string{
		"version": version, "revision": revision, "licenses": "Apache-2.0", "source": home, "created": "2026-09-21T14:13:20Z",
	} {
		if got := file.Config.Labels["org.opencontainers.image."+label]; got != want {
			t.Errorf("label %s is %q, want %q", label, got, want)
		}
	}
}

// testFiles compares the files of an image with those of Dockerfile, and extracts the program.
func testFiles(t *testing.T, image v1.Image, program string) {
	t.Helper()
	dockerfile, err := os.ReadFile("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	for line := range strings.Lines(string(dockerfile)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "COPY" {
			wanted = append(wanted, strings.TrimPrefix(fields[2], "/"))
		}
	}
	if len(wanted) != 3 {
		t.Fatalf("Dockerfile copies %q", wanted)
	}
	contents := mutate.Extract(image)
	defer contents.Close()
	archive := tar.NewReader(contents)
	found := map[string]bool{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 || header.Mode&0o022 != 0 || header.Mode&0o004 == 0 {
			t.Errorf("%s is of %d:%d with mode %o", header.Name, header.Uid, header.Gid, header.Mode)
		}
		for _, prefix := range wanted {
			if header.Name == prefix || strings.HasPrefix(header.Name, prefix+"/") {
				found[prefix] = true
			}
		}
		if header.Name == "realtime" {
			content, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(program, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(found) != len(wanted) {
		t.Errorf("the image has %v, and Dockerfile %q", found, wanted)
	}
}

// testSBOM compares the modules of an SBOM with those of the program in the image.
func testSBOM(t *testing.T, file, program string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	document, err := spdxjson.Read(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := spdxlib.ValidateDocument(document); err != nil {
		t.Error(err)
	}
	purls, ids := map[string]bool{}, map[string]bool{}
	for _, p := range document.Packages {
		if ids[string(p.PackageSPDXIdentifier)] {
			t.Errorf("two packages are %s", p.PackageSPDXIdentifier)
		}
		ids[string(p.PackageSPDXIdentifier)] = true
		for _, reference := range p.PackageExternalReferences {
			purls[reference.Locator] = true
		}
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) < 30 {
		t.Errorf("the program says that it has only %d modules", len(info.Deps))
	}
	golang := 2 // with the standard library and the program itself
	for _, module := range info.Deps {
		golang++
		if purl := "pkg:golang/" + module.Path + "@" + module.Version; !purls[purl] {
			t.Errorf("the SBOM does not have %s", purl)
		}
	}
	for purl := range purls {
		if strings.HasPrefix(purl, "pkg:golang/") {
			golang--
		}
	}
	if golang != 0 {
		t.Errorf("the SBOM has %d Go modules more than the program", -golang)
	}
	if !purls["pkg:npm/socket.io-client@4.8.4"] || !purls["pkg:golang/stdlib@"+strings.TrimPrefix(info.GoVersion, "go")] {
		t.Errorf("the SBOM does not have the client, or the standard library: %v", purls)
	}
}

func testProvenance(t *testing.T, r release) {
	text, err := os.ReadFile(r.path(r.provenanceFile()))
	if err != nil {
		t.Fatal(err)
	}
	var statement intoto.Statement
	if err := protojson.Unmarshal(text, &statement); err != nil {
		t.Fatal(err)
	}
	if err := statement.Validate(); err != nil {
		t.Error(err)
	}
	encoded, err := protojson.Marshal(statement.Predicate)
	if err != nil {
		t.Fatal(err)
	}
	var predicate provenance.Provenance
	if err := protojson.Unmarshal(encoded, &predicate); err != nil {
		t.Fatal(err)
	}
	if err := predicate.Validate(); err != nil {
		t.Error(err)
	}
	subjects := map[string]bool{}
	for _, subject := range statement.Subject {
		sum, err := sha256Of(r.path(subject.Name))
		if err != nil || subject.Digest["sha256"] != sum {
			t.Errorf("%s has the checksum %s, not %v: %v", subject.Name, sum, subject.Digest, err)
		}
		subjects[subject.Name] = true
	}
	for _, name := range []string{r.imageFile(), r.chartArchive(), r.chartLayout(), r.sbomFile(targets[0])} {
		if !subjects[name] {
			t.Errorf("nothing is said of %s", name)
		}
	}
}

// testChart compares the archive with helm's own, and has helm take the chart from a registry.
func testChart(t *testing.T, r release) {
	helm := os.Getenv("HELM")
	if helm == "" {
		t.Fatal("HELM is not set: run `make test-release`")
	}
	run := func(args ...string) []byte {
		t.Helper()
		command := exec.Command(helm, args...)
		command.Env = append(os.Environ(), "HELM_CACHE_HOME="+t.TempDir(), "HELM_CONFIG_HOME="+t.TempDir(), "HELM_DATA_HOME="+t.TempDir())
		output, err := command.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("helm %q: %v\n%s", args, err, exit.Stderr)
		}
		return output
	}
	packaged := t.TempDir()
	run("package", "../../charts/realtime-operator", "--destination", packaged)
	ours, helms := filesOf(t, r.path(r.chartArchive())), filesOf(t, filepath.Join(packaged, r.chartArchive()))
	for name, content := range helms {
		if name != "realtime-operator/Chart.yaml" && ours[name] != content { // helm writes that one in its own order
			t.Errorf("%s is not what helm package has", name)
		}
		delete(ours, name)
	}
	for name := range ours {
		t.Errorf("helm package does not have %s", name)
	}

	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	tag, err := name.NewTag(address + "/charts/realtime-operator:" + r.version)
	if err != nil {
		t.Fatal(err)
	}
	index := openLayout(t, r.path(r.chartLayout()))
	manifest, err := index.IndexManifest()
	if err != nil || len(manifest.Manifests) != 1 {
		t.Fatalf("the layout has %+v: %v", manifest, err)
	}
	chart, err := index.Image(manifest.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, chart); err != nil {
		t.Fatal(err)
	}
	pulled := run("template", "realtime-operator", "oci://"+address+"/charts/realtime-operator", "--version", r.version, "--plain-http")
	local := run("template", "realtime-operator", "../../charts/realtime-operator")
	if !bytes.Equal(pulled, local) || len(pulled) < 10000 {
		t.Errorf("the chart from the registry renders %d bytes, that of the repository %d", len(pulled), len(local))
	}
	var parsed metadata
	config, err := chart.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(config, &parsed); err != nil || parsed.Version != r.version {
		t.Errorf("the chart in the registry is %+v: %v", parsed, err)
	}
}

func filesOf(t *testing.T, archive string) map[string]string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	unpack(t, unzipped, folder)
	entries, err := filesBelow(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		content, err := e.read()
		if err != nil {
			t.Fatal(err)
		}
		found[e.name] = string(content)
	}
	return found
}

func TestWhatIsNoRelease(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		args []string
		want string
	}{
		"uncommitted changes": {[]string{"-revision", revision + "-dirty", "-created", created}, "commit your changes first"},
		"no time":             {[]string{"-revision", revision}, "-created"},
		"a folder of others":  {[]string{"-revision", revision, "-created", created, "-out", full}, "no earlier release"},
	} {
		err := run(t.Context(), append([]string{"-source", "../..", "-out", t.TempDir()}, test.args...))
		if err == nil || !strings.Contains(fmt.Sprint(err), test.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
