// SPDX-License-Identifier: Apache-2.0

// Command values writes the table of a chart's values into its README, from the comments in
// values.yaml:
//
//	go run ./hack/docs/values charts/realtime-operator
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The lines of README.md between which the table is.
const (
	begin = "<!-- make generate writes this table. Change the comments in values.yaml instead. -->\n"
	end   = "<!-- end of the table -->\n"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "values:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 {
		return errors.New("name the folder of the chart")
	}
	values, err := os.ReadFile(filepath.Join(args[0], "values.yaml"))
	if err != nil {
		return err
	}
	rows, err := table(values)
	if err != nil {
		return fmt.Errorf("values.yaml: %w", err)
	}
	path := filepath.Join(args[0], "README.md")
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, hasBegin := strings.Cut(string(page), begin)
	_, after, hasEnd := strings.Cut(rest, end)
	if !hasBegin || !hasEnd {
		return fmt.Errorf("%s has not the lines %q and %q", path, begin, end)
	}
	return os.WriteFile(path, []byte(before+begin+rows+end+after), 0o644)
}

// table has a row for each value that has a comment: its path, its default and the comment. A value
// without a comment is an error, unless it is a group of others.
func table(source []byte) (string, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(source, &document); err != nil {
		return "", err
	}
	rows := "| value | default | meaning |\n|---|---|---|\n"
	var walk func(prefix string, group *yaml.Node, first bool) error
	walk = func(prefix string, group *yaml.Node, first bool) error {
		for i := 0; i < len(group.Content); i += 2 {
			key, value := group.Content[i], group.Content[i+1]
			comment := key.HeadComment
			if first && i == 0 {
				comment = lastParagraph(document.HeadComment, comment)
			}
			if comment == "" && value.Kind == yaml.MappingNode && len(value.Content) > 0 {
				if err := walk(prefix+key.Value+".", value, false); err != nil {
					return err
				}
				continue
			}
			if comment == "" {
				return fmt.Errorf("%s%s has no comment: say what it is", prefix, key.Value)
			}
			literal, err := defaultOf(value)
			if err != nil {
				return err
			}
			rows += fmt.Sprintf("| `%s%s` | `%s` | %s |\n", prefix, key.Value, literal, oneLine(comment))
		}
		return nil
	}
	return rows, walk("", document.Content[0], true)
}

// lastParagraph returns the comment of the document's first key: what is above a blank line is
// about the file.
func lastParagraph(ofFile, ofKey string) string {
	if ofFile != "" {
		return ofKey
	}
	if i := strings.LastIndex(ofKey, "\n\n"); i >= 0 {
		return ofKey[i+2:]
	}
	return ofKey
}

// defaultOf writes a value as --set-json takes it; a text without quotes, unless it is empty.
func defaultOf(value *yaml.Node) (string, error) {
	var plain any
	if err := value.Decode(&plain); err != nil {
		return "", err
	}
	if text, ok := plain.(string); ok && text != "" {
		return text, nil
	}
	encoded, err := json.Marshal(plain)
	return string(encoded), err
}

func oneLine(comment string) string {
	var words []string
	for line := range strings.Lines(comment) {
		words = append(words, strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "#"))...)
	}
	return strings.ReplaceAll(strings.Join(words, " "), "|", `\|`)
}
