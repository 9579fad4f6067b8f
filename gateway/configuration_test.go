// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// numbered is greeter with a sequence number, as the operator renders it.
func numbered(t *testing.T, sequence int64, greeting string) []byte {
	t.Helper()
	svc, err := gatewayconfig.Parse(greeter(t, greeting))
	if err != nil {
		t.Fatal(err)
	}
	svc.Annotations = gatewayconfig.Annotations(sequence)
	return render(t, svc)
}

// broken is a configuration that no gateway can use; the error names the sequence number.
func broken(t *testing.T, sequence int64) []byte {
	t.Helper()
	return []byte(strings.Replace(string(numbered(t, sequence, "x")), "args[0]", fmt.Sprintf("arg%d", sequence), 1))
}

// permutations are all orders of some.
func permutations[T any](all []T) [][]T {
	if len(all) == 0 {
		return [][]T{nil}
	}
	var found [][]T
	for i := range all {
		rest := slices.Delete(slices.Clone(all), i, i+1)
		for _, tail := range permutations(rest) {
			found = append(found, append([]T{all[i]}, tail...))
		}
	}
	return found
}

func startGateway(t *testing.T, nats string, config []byte) *Gateway {
	t.Helper()
	svc, err := gatewayconfig.Parse(config)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(svc, gatewaystatus.Revision(config), Options{Name: t.Name(), NATSURLs: []string{nats}, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func TestTheNewestUsableConfigurationIsInForceInWhateverOrderTheyCome(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil).ClientURL()
	first := numbered(t, 1, "first")
	g := map[int64][]byte{3: numbered(t, 3, "three"), 4: numbered(t, 4, "four"), 7: numbered(t, 7, "seven"), 8: numbered(t, 8, "eight")}
	for name, test := range map[string]struct {
		come    [][]byte
		inForce []byte
		problem string // a part of it
	}{
		"the file behind the push":                {[][]byte{g[4], g[3]}, g[4], ""},
		"each twice, as by both ways":             {[][]byte{g[3], g[4], g[3], g[4]}, g[4], ""},
		"the newest one is bad":                   {[][]byte{g[3], g[4], broken(t, 5)}, g[4], "arg5"},
		"a bad one is mended":                     {[][]byte{g[3], broken(t, 5), g[7]}, g[7], ""},
		"two are bad":                             {[][]byte{broken(t, 5), broken(t, 6), g[4]}, g[4], "arg6"},
		"a bad one between good ones, and a last": {[][]byte{g[3], broken(t, 5), g[7], broken(t, 9)}, g[7], "arg9"},
		"nothing but what is older":               {[][]byte{numbered(t, 1, "first"), broken(t, 1)[:0]}, first, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range permutations(test.come) {
				gateway := startGateway(t, nats, first)
				for _, data := range order {
					if len(data) > 0 {
						gateway.take(data, "somewhere")
					}
				}
				revision, problem := gateway.config.get()
				if revision != gatewaystatus.Revision(test.inForce) || !strings.Contains(problem, test.problem) || (problem == "") != (test.problem == "") {
					t.Errorf("in force is %s with problem %q", revision, problem)
				}
				gateway.Close()
			}
		})
	}
}

// A file without a number is that of an earlier operator, or of a person.
func TestConfigurationsWithoutANumberAreTakenAsTheyCome(t *testing.T) {
	leakCheck(t)
	old, nine, eight := greeter(t, "old"), numbered(t, 9, "nine"), numbered(t, 8, "eight")
	edited := []byte(strings.Replace(string(nine), "nine", "by hand", 1))
	for name, test := range map[string]struct {
		come    [][]byte
		inForce []byte
	}{
		"the first number":                 {[][]byte{nine}, nine},
		"an older operator is back":        {[][]byte{nine, old}, old},
		"and is replaced again":            {[][]byte{nine, old, eight}, eight},
		"a file that is edited by hand":    {[][]byte{nine, edited}, edited},
		"and is set back by the operator":  {[][]byte{eight, []byte(strings.Replace(string(eight), "eight", "by hand", 1)), nine}, nine},
		"something that is no YAML":        {[][]byte{nine, []byte("no: [yaml"), nine}, nine},
		"a file that is written by halves": {[][]byte{nine, nil}, nine},
		"that of another service":          {[][]byte{nine, []byte(strings.Replace(string(numbered(t, 10, "x")), "name: greeter", "name: other", 1))}, nine},
	} {
		t.Run(name, func(t *testing.T) {
			gateway := startGateway(t, natstest.Start(t, nil).ClientURL(), greeter(t, "first"))
			defer gateway.Close()
			for _, data := range test.come {
				gateway.take(data, "somewhere")
			}
			if revision, _ := gateway.config.get(); revision != gatewaystatus.Revision(test.inForce) {
				t.Errorf("in force is %s, want %s", revision, gatewaystatus.Revision(test.inForce))
			}
		})
	}
}
