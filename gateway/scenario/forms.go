// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Names are one name, or a list of them.
type Names []string

// UnmarshalNode reads either form.
func (n *Names) UnmarshalNode(node *yaml.Node, decode func(any)) error {
	if node.Kind == yaml.ScalarNode {
		var name string
		decode(&name)
		*n = Names{name}
		return nil
	}
	var list []string
	decode(&list)
	*n = list
	if len(list) == 0 {
		return errors.New("want a name, or a list of names")
	}
	return nil
}

// Schema says so to editors.
func (n *Names) Schema(func(any) map[string]any) map[string]any {
	text := map[string]any{"type": "string"}
	return map[string]any{"anyOf": []any{text, map[string]any{"type": "array", "items": text, "minItems": 1}}}
}

// shortOr reads a mapping into full, and anything else into short.
func shortOr(node *yaml.Node, decode func(any), short, full any) error {
	if node.Kind == yaml.MappingNode {
		decode(full)
	} else {
		decode(short)
	}
	return nil
}

// UnmarshalNode reads the code alone.
func (o *Outcome) UnmarshalNode(node *yaml.Node, decode func(any)) error {
	o.Pos = Pos{Line: node.Line, Column: node.Column}
	decode(&o.Code)
	return nil
}

// Schema says so to editors.
func (o *Outcome) Schema(func(any) map[string]any) map[string]any {
	return map[string]any{"type": "string", "examples": []any{outcomeAllowed, "forbidden", "token_missing"}}
}

// gatewayNumber reads "gateway", which is the first that runs, or "gateway 2".
func gatewayNumber(decode func(any)) (int, error) {
	var text string
	decode(&text)
	word, number, _ := strings.Cut(text, " ")
	if word != "gateway" {
		return 0, fmt.Errorf("want gateway, or gateway and its number, such as gateway 2")
	}
	if number == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of a gateway; they are counted from 1", number)
	}
	return n, nil
}

func gatewaySchema() map[string]any {
	return map[string]any{"type": "string", "pattern": `^gateway( [1-9][0-9]*)?$`}
}
