// SPDX-License-Identifier: Apache-2.0

//go:build !nodev

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, c := range []struct {
		arguments []string
		code      int
		out       string
	}{
		{[]string{server.URL, "-o", "json"}, 1, `"status": "failed"`},
		{[]string{server.URL}, 1, "failed   handshake     404 Not Found"},
		{[]string{server.URL, "-o", "xml"}, 1, "Error: --output xml: want json"},
		{[]string{server.URL, "--auth", "token"}, 1, "Error: the auth payload is not JSON"},
		{[]string{"ftp://chat"}, 1, "Error: ftp://chat: want a URL with http or https"},
	} {
		var out bytes.Buffer
		root := command()
		root.SetOut(&out)
		root.SetArgs(append([]string{"doctor"}, c.arguments...))
		if code := exit(&out, root.Execute()); code != c.code || !strings.Contains(out.String(), c.out) {
			t.Errorf("doctor %v: code %d and %s, want %d and %q", c.arguments, code, &out, c.code, c.out)
		}
	}
}
