// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/config/crd"
)

// checker applies to an object what the API server does on admission, with the API server's own
// code.
type checker struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

// theChecker is made when the first manifest is read; it takes some tens of milliseconds.
var theChecker = sync.OnceValues(newChecker)

func newChecker() (*checker, error) {
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(crd.RealtimeServices, &definition); err != nil {
		return nil, fmt.Errorf("parse the definition: %w", err)
	}
	var props apiextensions.JSONSchemaProps
	v1props := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(v1props, &props, nil); err != nil {
		return nil, fmt.Errorf("convert the schema: %w", err)
	}
	structural, err := schema.NewStructural(&props)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return nil, fmt.Errorf("make a validator of the schema: %w", err)
	}
	return &checker{
		structural: structural,
		validator:  validator,
		rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// unknownField says what is wrong with a field that there is not.
func unknownField(path string) string {
	switch path[strings.LastIndexByte(path, '.')+1:] {
	case "true", "false":
		return "unknown field: YAML takes on, yes and y for true, and off, no and n for false, unless they are quoted; a handler names its event in `event`"
	}
	return "unknown field"
}

// admit adds defaults, and returns the mistakes: unknown fields first, since they explain the
// others.
func (c *checker) admit(ctx context.Context, object map[string]any) field.ErrorList {
	var errs field.ErrorList
	unknown := pruning.PruneWithOptions(object, c.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	for _, path := range unknown {
		errs = append(errs, field.Forbidden(field.NewPath(path), unknownField(path)))
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object, c.structural)
	defaulting.Default(object, c.structural)
	invalid := validation.ValidateCustomResource(nil, object, c.validator)
	invalid = append(invalid, listtype.ValidateListSetsAndMaps(nil, c.structural, object)...)
	errs = append(errs, invalid...)
	if len(invalid) > 0 {
		return errs // rules expect values of the right shape
	}
	broken, _ := c.rules.Validate(ctx, nil, c.structural, object, nil, celconfig.RuntimeCELCostBudget)
	return append(errs, broken...)
}
