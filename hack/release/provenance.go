// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	provenance "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	provenanceType = "https://slsa.dev/provenance/v1"
	// buildType is the page that says how this is built, and so what the parameters mean.
	buildType = home + "/blob/main/docs/operations/verify.md#how-a-release-is-built"
	// builder is whoever runs `make release`. The statement is not signed, so it proves nothing of
	// whom that was.
	builder = home + "/blob/main/Makefile#release"
)

func (r *release) provenanceFile() string {
	return "realtime-operator-" + r.version + ".provenance.json"
}

// writeProvenance writes of what, and how, the files of the release were made: an in-toto statement
// with SLSA's predicate. There is no time in it but the commit's, so that it is reproducible too.
func (r *release) writeProvenance(built programs) error {
	statement, err := r.statement(built)
	if err != nil {
		return fmt.Errorf("provenance: %w", err)
	}
	text, err := encode(statement)
	if err != nil {
		return err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil { // protojson varies its spaces
		return err
	}
	indented.WriteByte('\n')
	return os.WriteFile(r.path(r.provenanceFile()), indented.Bytes(), 0o644)
}

func (r *release) statement(built programs) (*intoto.Statement, error) {
	sums, err := r.checksums()
	if err != nil {
		return nil, err
	}
	var subjects []*intoto.ResourceDescriptor
	for _, s := range sums {
		subjects = append(subjects, &intoto.ResourceDescriptor{Name: s.name, Digest: map[string]string{"sha256": s.sha256}})
	}
	definition, err := r.definition(built)
	if err != nil {
		return nil, err
	}
	predicate, err := asStruct(&provenance.Provenance{
		BuildDefinition: definition,
		RunDetails:      &provenance.RunDetails{Builder: &provenance.Builder{Id: builder}},
	})
	if err != nil {
		return nil, err
	}
	statement := &intoto.Statement{Type: intoto.StatementTypeUri, Subject: subjects, PredicateType: provenanceType, Predicate: predicate}
	return statement, statement.Validate()
}

func (r *release) definition(built programs) (*provenance.BuildDefinition, error) {
	info, err := buildinfo.ReadFile(built[targets[0]])
	if err != nil {
		return nil, err
	}
	external, err := structpb.NewStruct(map[string]any{"source": "git+" + home, "revision": r.revision, "version": r.version})
	if err != nil {
		return nil, err
	}
	var made []any
	for _, t := range targets {
		made = append(made, map[string]any{"os": t.os, "arch": t.arch, "tags": t.tags})
	}
	internal, err := structpb.NewStruct(map[string]any{
		"go": info.GoVersion, "created": float64(r.created.Unix()), "programs": made,
	})
	if err != nil {
		return nil, err
	}
	dependencies := []*intoto.ResourceDescriptor{
		{Uri: "git+" + home + "@" + r.revision, Digest: map[string]string{"gitCommit": r.revision}},
	}
	for _, d := range []struct{ name, file string }{
		{"Go modules", filepath.Join(r.source, "go.sum")},
		{"npm packages", filepath.Join(r.source, lockFile)},
		{"certificate authorities", r.certificates},
	} {
		sum, err := sha256Of(d.file)
		if err != nil {
			return nil, err
		}
		dependencies = append(dependencies, &intoto.ResourceDescriptor{Name: d.name, Digest: map[string]string{"sha256": sum}})
	}
	return &provenance.BuildDefinition{
		BuildType: buildType, ExternalParameters: external, InternalParameters: internal, ResolvedDependencies: dependencies,
	}, nil
}

func encode(message proto.Message) ([]byte, error) {
	return protojson.MarshalOptions{}.Marshal(message)
}

func asStruct(message proto.Message) (*structpb.Struct, error) {
	text, err := encode(message)
	if err != nil {
		return nil, err
	}
	into := &structpb.Struct{}
	return into, protojson.Unmarshal(text, into)
}
