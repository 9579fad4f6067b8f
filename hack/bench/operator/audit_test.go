// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"testing"
)

const logged = `{"verb":"get","stage":"ResponseComplete","objectRef":{"resource":"secrets","name":"service-1-nats"}}
{"verb":"watch","stage":"ResponseStarted","objectRef":{"resource":"pods"}}
{"verb":"watch","stage":"ResponseComplete","objectRef":{"resource":"pods"}}
{"verb":"patch","stage":"ResponseComplete","objectRef":{"resource":"realtimeservices","subresource":"status","name":"service-1"}}
{"verb":"get","stage":"ResponseComplete","objectRef":{"resource":"secrets","name":"service-2-nats"}}
{"verb":"get","stage":"ResponseComplete","requestURI":"/version"}
`

func TestRequestsAreCounted(t *testing.T) {
	a := audit{filepath.Join(t.TempDir(), "audit.log")}
	if err := os.WriteFile(a.path, []byte("not read\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	from, err := a.position()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.path, []byte("not read\n"+logged), 0o600); err != nil {
		t.Fatal(err)
	}
	to, err := a.position()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"":          "2.00 get secrets, 1.00 get, 1.00 patch realtimeservices/status, 1.00 watch pods",
		"service-1": "1.00 get secrets, 1.00 patch realtimeservices/status",
	} {
		counted, err := a.between(from, to, name)
		if err != nil {
			t.Fatal(err)
		}
		if got := counted.list(1); got != want {
			t.Errorf("of %q: %s, want %s", name, got, want)
		}
	}
	rare := calls{"get secrets": 99, "list pods": 1000, "watch pods": 1}
	if got := rare.list(1000); got != "1.00 list pods, 0.10 get secrets" || rare.total() != 1100 {
		t.Errorf("%s of %d", got, rare.total())
	}
}
