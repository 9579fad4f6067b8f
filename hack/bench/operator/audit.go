// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// audit is the API server's log of the operator's requests.
type audit struct{ path string }

// request is a line of the log.
type request struct {
	Verb, Stage string
	ObjectRef   struct{ Resource, Subresource, Name string }
}

func (r *request) name() string {
	name := strings.TrimSpace(r.Verb + " " + r.ObjectRef.Resource)
	if r.ObjectRef.Subresource != "" {
		name += "/" + r.ObjectRef.Subresource
	}
	return name
}

// position is where the log ends now.
func (a audit) position() (int64, error) {
	info, err := os.Stat(a.path)
	if err != nil {
		return 0, fmt.Errorf("look at the audit log: %w", err)
	}
	return info.Size(), nil
}

// calls are requests by verb and resource.
type calls map[string]int

func (c calls) total() (n int) {
	for _, one := range c {
		n += one
	}
	return n
}

// list lists the calls, the most frequent first, for each of a number of services or changes. It
// leaves out what is rarer than one in a hundred of them.
func (c calls) list(each int) string {
	names := slices.SortedFunc(maps.Keys(c), func(a, b string) int {
		if c[a] != c[b] {
			return c[b] - c[a]
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, 0, len(names))
	for _, name := range names {
		if 100*c[name] < each {
			break
		}
		parts = append(parts, fmt.Sprintf("%s %s", rounded(float64(c[name])/float64(each)), name))
	}
	return strings.Join(parts, ", ")
}

// between counts the requests in a part of the log. A watch counts when it begins. With a name,
// only requests count for objects whose names begin with it.
func (a audit) between(from, to int64, name string) (calls, error) {
	file, err := os.Open(a.path)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(io.NewSectionReader(file, from, to-from))
	lines.Buffer(nil, 1<<20)
	counted := calls{}
	for lines.Scan() {
		var r request
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("read the audit log: %w", err)
		}
		begins := r.Verb == "watch" && r.Stage == "ResponseStarted"
		ends := r.Verb != "watch" && r.Stage == "ResponseComplete"
		if (begins || ends) && strings.HasPrefix(r.ObjectRef.Name, name) {
			counted[r.name()]++
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return counted, nil
}
