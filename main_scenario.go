// SPDX-License-Identifier: Apache-2.0

//go:build !nodev

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"

	"github.com/realtime-operator/realtime-operator/gateway/scenario"
)

func addTestCommand(root *cobra.Command) {
	o := scenario.Options{}
	var run string
	var schema bool
	cmd := &cobra.Command{
		Use:   "test [-f FILE…] [FILE…]",
		Short: "Test a service, without a cluster and without ports",
		Long: "Run the tests of services: files in YAML beside the manifests (docs/how-to/test.md).\n" +
			"A folder stands for its files that end in _test.yaml. The exit code is 1 if a test fails, and 2 if a file cannot be run.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if schema {
				return printSchema(cmd.OutOrStdout())
			}
			o.Out = cmd.OutOrStdout()
			o.Files = append(o.Files, args...)
			if run != "" {
				var err error
				if o.Run, err = regexp.Compile(run); err != nil {
					return &scenario.InvalidError{Mistakes: []string{"--run: " + err.Error()}}
				}
			}
			return scenario.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&o.Files, "filename", "f", nil, "file with tests, or a folder; may be given several times")
	f.StringVarP(&run, "run", "r", "", "regular expression for the names of the tests to run")
	f.BoolVarP(&o.Verbose, "verbose", "v", false, "report tests that pass, too")
	f.BoolVar(&o.Coverage, "coverage", false, "report which handlers, conditions and rules no test has run")
	f.Float64Var(&o.Least, "min", 0, "fail if less of a service is covered, in percent")
	f.StringVar(&o.JUnit, "junit", "", "file for a report in JUnit's XML")
	f.BoolVar(&o.JSON, "json", false, "report in JSON")
	f.DurationVar(&o.Timeout, "timeout", scenario.DefaultTimeout, "how long one test may take")
	f.BoolVar(&schema, "schema", false, "print the JSON Schema of such files, for editors")
	root.AddCommand(cmd)
}

func printSchema(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(scenario.Schema()); err != nil {
		return fmt.Errorf("print the schema: %w", err)
	}
	return nil
}
