// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx"
	"github.com/spdx/tools-golang/spdx/v2/common"
)

const noAssertion = "NOASSERTION"

func (r *release) sbomFile(t target) string {
	return fmt.Sprintf("realtime-%s-%s.spdx.json", r.version, t.platform())
}

// writeSBOMs writes what each program, and the image with it, is made of. The list of modules is
// the one that Go's linker has written into the program, not what go.mod would allow.
func (r *release) writeSBOMs(built programs) error {
	for _, t := range targets {
		info, err := buildinfo.ReadFile(built[t])
		if err != nil {
			return err
		}
		b := bill{release: r}
		if err := b.fill(t, info, built[t]); err != nil {
			return fmt.Errorf("SBOM for %s: %w", t.platform(), err)
		}
		var text bytes.Buffer
		if err := spdxjson.Write(&b.document, &text, spdxjson.Indent("  ")); err != nil {
			return err
		}
		if err := os.WriteFile(r.path(r.sbomFile(t)), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// bill is an SBOM in the making.
type bill struct {
	*release
	document spdx.Document
}

func (b *bill) fill(t target, info *debug.BuildInfo, program string) error {
	sum, err := sha256Of(program)
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(b.sbomFile(t), ".spdx.json")
	b.document = spdx.Document{
		SPDXVersion: spdx.Version, DataLicense: spdx.DataLicense, SPDXIdentifier: "DOCUMENT",
		DocumentName: name,
		// Unique for what it describes, as SPDX demands.
		DocumentNamespace: home + "/sbom/" + name + "-" + sum,
		CreationInfo: &spdx.CreationInfo{
			Created: b.created.Format(time.RFC3339),
			Creators: []spdx.Creator{
				{CreatorType: "Organization", Creator: "The realtime-operator authors"},
				{CreatorType: "Tool", Creator: "realtime-operator-make-release"},
			},
		},
	}
	main := b.add("realtime", b.version, "pkg:golang/"+info.Main.Path+"@v"+b.version)
	main.PackageLicenseDeclared, main.PackageLicenseConcluded = "Apache-2.0", "Apache-2.0"
	main.PackageChecksums = []spdx.Checksum{{Algorithm: spdx.SHA256, Value: sum}}
	main.PackageDownloadLocation = "git+" + home + "@" + b.revision
	main.PrimaryPackagePurpose = "APPLICATION"
	b.relate("DOCUMENT", "DESCRIBES", main.PackageSPDXIdentifier)

	b.addModules(main, info)
	if !t.image {
		return nil
	}
	return b.addFilesOfImage()
}

// addModules adds the standard library and the modules that are linked.
func (b *bill) addModules(main *spdx.Package, info *debug.BuildInfo) {
	version := strings.TrimPrefix(strings.Fields(info.GoVersion)[0], "go")
	stdlib := b.add("stdlib", version, "pkg:golang/stdlib@"+version)
	stdlib.PackageLicenseDeclared = "BSD-3-Clause"
	b.relate(main.PackageSPDXIdentifier, "DEPENDS_ON", stdlib.PackageSPDXIdentifier)
	for _, module := range info.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		dependency := b.add(module.Path, module.Version, "pkg:golang/"+module.Path+"@"+module.Version)
		dependency.PackageSourceInfo = "Go module with the checksum " + module.Sum
		b.relate(main.PackageSPDXIdentifier, "DEPENDS_ON", dependency.PackageSPDXIdentifier)
	}
}

// addFilesOfImage adds what is in the image with the program.
func (b *bill) addFilesOfImage() error {
	certificates := b.add("ca-certificates", "", "")
	sum, err := sha256Of(b.certificates)
	if err != nil {
		return err
	}
	certificates.PackageChecksums = []spdx.Checksum{{Algorithm: spdx.SHA256, Value: sum}}
	certificates.PackageFileName = "/etc/ssl/certs/ca-certificates.crt"
	certificates.PackageSourceInfo = "the certificate authorities that Node ships, which are Mozilla's"
	b.relate("DOCUMENT", "DESCRIBES", certificates.PackageSPDXIdentifier)

	locked, err := readLock(b.source)
	if err != nil {
		return err
	}
	var client *spdx.Package
	var others []*spdx.Package
	for _, path := range slices.Sorted(maps.Keys(locked)) {
		l := locked[path]
		name := strings.TrimPrefix(path, "node_modules/")
		p := b.add(name, l.Version, "pkg:npm/"+strings.ReplaceAll(name, "@", "%40")+"@"+l.Version)
		p.PackageLicenseDeclared = l.License
		p.PackageSourceInfo = "npm package with the integrity " + l.Integrity
		if name == "socket.io-client" {
			client = p
			continue
		}
		others = append(others, p)
	}
	if client == nil {
		return fmt.Errorf("%s has no socket.io-client", lockFile)
	}
	client.PackageFileName = "/client"
	b.relate("DOCUMENT", "DESCRIBES", client.PackageSPDXIdentifier)
	for _, p := range others {
		b.relate(client.PackageSPDXIdentifier, "DEPENDS_ON", p.PackageSPDXIdentifier)
	}
	return nil
}

var notInID = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// add adds a package. What is not known of it is said not to be known.
func (b *bill) add(name, version, purl string) *spdx.Package {
	p := &spdx.Package{
		PackageName:             name,
		PackageVersion:          version,
		PackageSPDXIdentifier:   spdx.ElementID("Package-" + notInID.ReplaceAllString(name+"-"+version, "-")),
		PackageDownloadLocation: noAssertion,
		PackageLicenseConcluded: noAssertion,
		PackageLicenseDeclared:  noAssertion,
		PackageCopyrightText:    noAssertion,
		PrimaryPackagePurpose:   "LIBRARY",
	}
	if purl != "" {
		p.PackageExternalReferences = []*spdx.PackageExternalReference{{
			Category: spdx.CategoryPackageManager, RefType: "purl", Locator: purl,
		}}
	}
	b.document.Packages = append(b.document.Packages, p)
	return p
}

func (b *bill) relate(from spdx.ElementID, kind string, to spdx.ElementID) {
	b.document.Relationships = append(b.document.Relationships, &spdx.Relationship{
		RefA:         common.MakeDocElementID("", string(from)),
		RefB:         common.MakeDocElementID("", string(to)),
		Relationship: kind,
	})
}

const lockFile = "hack/client/package-lock.json"

// locked is a package of npm in the lock file.
type locked struct{ Version, Integrity, License string }

// readLock returns the packages that the bundles of the client are made of, by their folders.
func readLock(source string) (map[string]locked, error) {
	text, err := os.ReadFile(filepath.Join(source, lockFile))
	if err != nil {
		return nil, err
	}
	var lock struct{ Packages map[string]locked }
	if err := json.Unmarshal(text, &lock); err != nil {
		return nil, fmt.Errorf("%s: %w", lockFile, err)
	}
	delete(lock.Packages, "") // the folder itself
	return lock.Packages, nil
}
