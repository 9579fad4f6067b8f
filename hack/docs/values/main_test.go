// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const values = `# About the file.

image:
  # Where it is,
  # and which.
  name: a/b
  tag:  # of the image
    inner: ""

# Those of | pods.
labels: {}
# Both.
resources:
  limits: {cpu: 1}
# How many.
count: 2
`

func TestEachValueHasARow(t *testing.T) {
	got, err := table([]byte(strings.Replace(values, "  tag:  # of the image\n    inner: \"\"\n", "  # Which.\n  tag: \"\"\n", 1)))
	if err != nil {
		t.Fatal(err)
	}
	want := `| value | default | meaning |
|---|---|---|
| ` + "`image.name` | `a/b`" + ` | Where it is, and which. |
| ` + "`image.tag` | `\"\"`" + ` | Which. |
| ` + "`labels` | `{}`" + ` | Those of \| pods. |
| ` + "`resources` | `{\"limits\":{\"cpu\":1}}`" + ` | Both. |
| ` + "`count` | `2`" + ` | How many. |
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestValueWithoutACommentIsAnError(t *testing.T) {
	_, err := table([]byte(values))
	if err == nil || !strings.Contains(err.Error(), "image.tag.inner has no comment") {
		t.Errorf("error %v", err)
	}
}
