// SPDX-License-Identifier: Apache-2.0

// Package manifest reads a RealtimeService from a file as the API server would: with the same
// defaults, checks and messages, without a cluster.
package manifest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/api/validation"
)

const kind = "RealtimeService"

// Load reads the one RealtimeService of a file, in YAML or JSON, with its defaults. It ignores
// other objects in the file. The error lists all mistakes, each with its path and reason (a
// utilerrors.Aggregate).
func Load(ctx context.Context, data []byte) (*v1alpha1.RealtimeService, error) {
	object, err := find(data)
	if err != nil {
		return nil, err
	}
	check, err := theChecker()
	if err != nil {
		return nil, fmt.Errorf("set up the checks: %w", err)
	}
	if errs := append(checkHead(object), check.admit(ctx, object)...); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	var svc v1alpha1.RealtimeService
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, &svc); err != nil {
		return nil, fmt.Errorf("convert the manifest: %w", err)
	}
	if errs := validation.Service(&svc); len(errs) > 0 {
		return nil, errs.ToAggregate()
	}
	if svc.Namespace == "" {
		svc.Namespace = "default"
	}
	return &svc, nil
}

// find returns the one object of the kind.
func find(data []byte) (map[string]any, error) {
	var found map[string]any
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read YAML: %w", err)
		}
		object, err := parse(document)
		if err != nil {
			return nil, err
		}
		if object == nil || object["kind"] != kind {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("the file has more than one %s", kind)
		}
		found = object
	}
	if found == nil {
		return nil, fmt.Errorf("the file has no %s", kind)
	}
	return found, nil
}

// parse parses one document, nil if it is empty. A repeated key is an error.
func parse(document []byte) (map[string]any, error) {
	raw, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return nil, nil
	}
	var object map[string]any
	// Integers stay integers, as in the API server.
	if err := utilyaml.Unmarshal(raw, &object); err != nil {
		var typeErr *json.UnmarshalTypeError
		if errors.As(err, &typeErr) {
			return nil, errors.New("the manifest is not an object")
		}
		return nil, fmt.Errorf("parse the manifest: %w", err)
	}
	return object, nil
}

// checkHead checks the fields above the spec.
func checkHead(object map[string]any) field.ErrorList {
	var errs field.ErrorList
	if want := v1alpha1.GroupVersion.String(); object["apiVersion"] != want {
		errs = append(errs, field.NotSupported(field.NewPath("apiVersion"), object["apiVersion"], []string{want}))
	}
	path := field.NewPath("metadata", "name")
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if name == "" {
		return append(errs, field.Required(path, ""))
	}
	for _, reason := range apivalidation.NameIsDNSSubdomain(name, false) {
		errs = append(errs, field.Invalid(path, name, reason))
	}
	return errs
}
