// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
)

func TestTheStatusTellsOfKeysThatAreMissing(t *testing.T) {
	says := func(sets ...gatewaystatus.KeySet) Gateway {
		return Gateway{Ready: true, Status: gatewaystatus.Status{ConfigHash: "abc", KeySets: sets}}
	}
	none, some := gatewaystatus.KeySet{URL: "https://id.example.com", Error: "down"}, gatewaystatus.KeySet{URL: "https://id.example.com", Keys: 2, Error: "down"}
	for name, tt := range map[string]struct {
		gateways []Gateway
		want     string
	}{
		"no sets":                {[]Gateway{says()}, ""},
		"keys of before":         {[]Gateway{says(some), says(some)}, ""},
		"an issuer that is down": {[]Gateway{says(none), says(some)}, "1 of 2 have no keys of https://id.example.com"},
		"the first of two":       {[]Gateway{says(none, gatewaystatus.KeySet{URL: "https://a.example.com"})}, "1 of 1 have no keys of https://a.example.com"},
	} {
		condition := configuredCondition(&v1alpha1.RealtimeService{}, &Observation{Revision: "abc", Gateways: tt.gateways})
		said := strings.Contains(condition.Message, "no keys")
		if condition.Status != "True" || said != (tt.want != "") || !strings.Contains(condition.Message, tt.want) {
			t.Errorf("%s: %s %s", name, condition.Status, condition.Message)
		}
	}
}

func TestTheStatusTellsOfProgramsThatFail(t *testing.T) {
	says := func(programs ...gatewaystatus.Program) Gateway {
		return Gateway{Ready: true, Status: gatewaystatus.Status{ConfigHash: "abc", Programs: programs}}
	}
	program := func(entry, circuit string) gatewaystatus.Program {
		return gatewaystatus.Program{Entry: entry, Circuit: circuit, Error: "down"}
	}
	for name, tt := range map[string]struct {
		gateways []Gateway
		want     string
	}{
		"none":                {[]Gateway{says()}, ""},
		"one that is asked":   {[]Gateway{says(program("web", "closed")), says(program("web", "half-open"))}, ""},
		"one that has failed": {[]Gateway{says(program("web", "open")), says(program("web", "closed"))}, "1 of 2 have no answers of the program of authentication web"},
		"the first of two":    {[]Gateway{says(program("web", "open"), program("bus", "open"))}, "1 of 1 have no answers of the program of authentication bus"},
	} {
		condition := configuredCondition(&v1alpha1.RealtimeService{}, &Observation{Revision: "abc", Gateways: tt.gateways})
		said := strings.Contains(condition.Message, "no answers")
		if condition.Status != "True" || said != (tt.want != "") || !strings.Contains(condition.Message, tt.want) {
			t.Errorf("%s: %s %s", name, condition.Status, condition.Message)
		}
	}
}
