// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"testing"
	"time"
)

func TestDefaultsForStrangers(t *testing.T) {
	asks, open := Namespace{Authentication: []string{"users"}}, Namespace{}
	anonymous := Namespace{Authentication: []string{"users"}, Anonymous: true}
	dynamicAsks, dynamicOpen := DynamicNamespace{Authentication: []string{"users"}}, DynamicNamespace{}
	dynamicAnonymous := DynamicNamespace{Authentication: []string{"users"}, Anonymous: true}
	proxies := ProtocolSpec{TrustedProxies: []string{"10.0.0.0/8"}}
	none, seven := int32(0), int32(7)
	for name, test := range map[string]struct {
		spec    RealtimeServiceSpec
		timeout time.Duration
		most    int
	}{
		"nobody is asked":           {RealtimeServiceSpec{Namespaces: []Namespace{open}, Protocol: proxies}, 45 * time.Second, 0},
		"everybody is":              {RealtimeServiceSpec{Namespaces: []Namespace{asks}, Protocol: proxies}, 10 * time.Second, 100},
		"everybody, by no proxy":    {RealtimeServiceSpec{Namespaces: []Namespace{asks}}, 10 * time.Second, 0},
		"some are":                  {RealtimeServiceSpec{Namespaces: []Namespace{asks, open}, Protocol: proxies}, 45 * time.Second, 0},
		"who wants to be":           {RealtimeServiceSpec{Namespaces: []Namespace{anonymous}, Protocol: proxies}, 45 * time.Second, 0},
		"by patterns":               {RealtimeServiceSpec{DynamicNamespaces: []DynamicNamespace{dynamicAsks}, Protocol: proxies}, 10 * time.Second, 100},
		"not by patterns":           {RealtimeServiceSpec{Namespaces: []Namespace{asks}, DynamicNamespaces: []DynamicNamespace{dynamicOpen}}, 45 * time.Second, 0},
		"who wants to, by patterns": {RealtimeServiceSpec{Namespaces: []Namespace{asks}, DynamicNamespaces: []DynamicNamespace{dynamicAnonymous}}, 45 * time.Second, 0},
		"no namespaces":             {RealtimeServiceSpec{Protocol: proxies}, 45 * time.Second, 0},
		"no limit": {RealtimeServiceSpec{
			Namespaces: []Namespace{asks}, Protocol: proxies, Limits: LimitsSpec{PerAddress: PerAddressLimits{Unauthenticated: &none}},
		}, 10 * time.Second, 0},
		"a limit": {RealtimeServiceSpec{
			Namespaces: []Namespace{open}, Protocol: ProtocolSpec{ConnectTimeout: Duration{time.Minute}},
			Limits: LimitsSpec{PerAddress: PerAddressLimits{Unauthenticated: &seven}},
		}, time.Minute, 7},
	} {
		if got := test.spec.ConnectTimeout(); got != test.timeout {
			t.Errorf("%s: %s to be in a namespace", name, got)
		}
		if got := test.spec.UnauthenticatedPerAddress(); got != test.most {
			t.Errorf("%s: %d may be in none", name, got)
		}
	}
}
