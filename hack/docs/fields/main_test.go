// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/hack/docs/kubernetes"
)

const types = `
type: object
description: Thing is a test.
properties:
  spec:
    type: object
    required: [mode, parts]
    x-kubernetes-validations:
    - {rule: "self.mode != 'b' || size(self.parts) > 1", message: b needs two parts, fieldPath: .parts}
    properties:
      mode: {type: string, enum: [a, b], description: "mode of a|b, such as (?P<id>*) or ` + "`*`" + `."}
      every: {type: string, default: 5s, maxLength: 32, x-kubernetes-validations: [{rule: "duration(self) >= duration('1s')", message: must be 1s or more}]}
      parts:
        type: array
        maxItems: 2000
        items: {type: object, description: Part is one of them., properties: &parts {guess: {type: boolean, description: "If absent, it depends."}, used: {type: boolean}}}
      more:
        type: array
        items: {type: object, description: Part is one of them., properties: *parts}
      labels: {type: object, additionalProperties: {type: string, maxLength: 3}, maxProperties: 2}
  status: {type: object, properties: {count: {type: integer, minimum: 1}}}
`

func TestEachFieldHasItsDefaultAndItsBounds(t *testing.T) {
	var root schema
	if err := yaml.UnmarshalStrict([]byte(types), &root); err != nil {
		t.Fatal(err)
	}
	got, err := reference(&root, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := intro + `
## RealtimeService

Thing is a test.

## spec

| field | type | default | bounds | description |
|---|---|---|---|---|
| ` + "`every` | duration | `5s`" + ` | 1s or more |  |
| ` + "`labels`" + ` | map of strings | – | at most 2 entries; each: at most 3 characters |  |
| ` + "`mode` | string | required | `a`, `b` | mode of a\\|b, such as (?P&lt;id>\\*) or `*`" + `. |
| ` + "`more`" + ` | list of [spec.more[]](#specmore) | – |  |  |
| ` + "`parts`" + ` | list of [spec.more[]](#specmore) | required | at most 2,000 items |  |

Rules:

- ` + "`parts`: b needs two parts.\n  `self.mode != 'b' || size(self.parts) > 1`" + `

## spec.more[]

Part is one of them.

| field | type | default | bounds | description |
|---|---|---|---|---|
| ` + "`guess`" + ` | boolean | – |  | If absent, it depends. |
| ` + "`used` | boolean | `false`" + ` |  |  |

## status

| field | type | default | bounds | description |
|---|---|---|---|---|
| ` + "`count`" + ` | integer | – | at least 1 |  |
`
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestATypeOfKubernetesThatNoFieldHasIsAnError(t *testing.T) {
	_, err := reference(&schema{}, map[string]kubernetes.Type{"spec.gone": {Name: "Gone", Page: "gone/"}})
	if err == nil || !strings.Contains(err.Error(), "spec.gone") {
		t.Errorf("the error is %v, want one that names spec.gone", err)
	}
}
