// SPDX-License-Identifier: Apache-2.0

package scenario

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// The elements of JUnit's XML that CI systems read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr"`
		Time    string        `xml:"time,attr"`
		Failure *junitFailure `xml:"failure"`
		Output  string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

func writeJUnit(name string, files []*FileResult) error {
	all := junitSuites{}
	for _, f := range files {
		suite := junitSuite{Name: f.File, Time: fmt.Sprintf("%.3f", f.Seconds)}
		for _, t := range f.Tests {
			suite.Tests++
			c := junitCase{Name: t.Name, Class: f.File, File: f.File, Line: t.Line, Time: fmt.Sprintf("%.3f", t.Seconds), Output: strings.Join(t.Log, "\n")}
			if !t.Passed {
				suite.Failures++
				c.Failure = junitFailureOf(f.File, t)
			}
			suite.Cases = append(suite.Cases, c)
		}
		all.Tests += suite.Tests
		all.Failures += suite.Failures
		all.Suites = append(all.Suites, suite)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return writeFile(name, append([]byte(xml.Header), append(text, '\n')...))
}

func junitFailureOf(file string, t TestResult) *junitFailure {
	var b strings.Builder
	for _, f := range t.Failures {
		fmt.Fprintf(&b, "%s:%d:%d: %s\n", file, f.Line, f.Column, f.text())
		for _, line := range sideBySide(f.Expected, f.Actual) {
			fmt.Fprintf(&b, "    %s\n", line)
		}
	}
	return &junitFailure{Message: t.Failures[0].text(), Text: b.String()}
}
