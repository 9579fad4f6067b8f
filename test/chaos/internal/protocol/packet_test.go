// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConnectPacket(t *testing.T) {
	empty, offset := "", "1700-0"
	for name, c := range map[string]struct {
		pid    string
		offset *string
		want   string
	}{
		"first":              {"", nil, "40"},
		"first, with offset": {"", &offset, "40"},
		"no event yet":       {"p", nil, `40{"pid":"p"}`},
		"empty offset":       {"p", &empty, `40{"pid":"p","offset":""}`},
		"recovery":           {"p", &offset, `40{"pid":"p","offset":"1700-0"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ConnectPacket(c.pid, c.offset); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestLastStringOfAnEventIsItsOffset(t *testing.T) {
	for packet, want := range map[string]string{
		`["said",{"r":1},"1700-0"]`: "1700-0",
		`["said","a","b"]`:          "b",
		`["said",{"r":1}]`:          "",
		`["said"]`:                  "",
		`7["said",1]`:               "",
	} {
		e, err := ParseEvent(packet)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := e.LastString(); got != want || ok != (want != "") {
			t.Errorf("%s: got %q, %t, want %q", packet, got, ok, want)
		}
	}
}

func TestMalformedPackets(t *testing.T) {
	for _, packet := range []string{"", "7", "{}", "[]", "[1]"} {
		if e, err := ParseEvent(packet); err == nil {
			t.Errorf("event %q is %v", packet, e)
		}
	}
	if _, _, err := ParseAck(`["ok"]`); err == nil {
		t.Error("an acknowledgement without an id is one")
	}
	if _, err := parseOpen("4x"); err == nil {
		t.Error("a message opens a session")
	}
}

func TestAck(t *testing.T) {
	type ack struct {
		ID     int
		Answer string
	}
	for packet, want := range map[string]ack{
		`12["ok"]`:            {12, Handled},
		`0[{"error":"full"}]`: {0, `[{"error":"full"}]`},
		`3[]`:                 {3, `[]`},
	} {
		id, answer, err := ParseAck(packet)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, ack{id, answer}); diff != "" {
			t.Errorf("%s: %s", packet, diff)
		}
	}
}
