// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodePacket(t *testing.T) {
	tests := []struct {
		name        string
		in          string
		want        Packet
		attachments int
	}{
		{"CONNECT", `0`, Packet{Type: Connect, Namespace: "/"}, 0},
		{"CONNECT with auth", `0{"token":"123"}`, Packet{Type: Connect, Namespace: "/", Payload: []byte(`{"token":"123"}`)}, 0},
		{"CONNECT to a namespace", `0/custom,`, Packet{Type: Connect, Namespace: "/custom"}, 0},
		{"CONNECT to a namespace without comma", `0/custom`, Packet{Type: Connect, Namespace: "/custom"}, 0},
		{"CONNECT with an id", `0123`, Packet{Type: Connect, Namespace: "/", ID: 123, HasID: true}, 0},
		{"DISCONNECT", `1/custom,`, Packet{Type: Disconnect, Namespace: "/custom"}, 0},
		{"EVENT", `2["message",1,"2",{"3":[true]}]`,
			Packet{Type: Event, Namespace: "/", Event: "message", Payload: []byte(`[1,"2",{"3":[true]}]`)}, 0},
		{"EVENT without arguments", `2["message"]`, Packet{Type: Event, Namespace: "/", Event: "message", Payload: []byte(`[]`)}, 0},
		{"EVENT with an id", `2/a,456["m",1]`, Packet{Type: Event, Namespace: "/a", Event: "m", ID: 456, HasID: true, Payload: []byte(`[1]`)}, 0},
		{"EVENT with white space", "2\n[ \"m\" , 1 ] ", Packet{Type: Event, Namespace: "/", Event: "m", Payload: []byte(`[ 1 ]`)}, 0},
		{"EVENT with an escaped name", `2["a\"b,\\",1]`, Packet{Type: Event, Namespace: "/", Event: `a"b,\`, Payload: []byte(`[1]`)}, 0},
		{"EVENT with an integer name", `2[7,1]`, Packet{Type: Event, Namespace: "/", Event: "7", Payload: []byte(`[1]`)}, 0},
		{"EVENT without payload", `2`, Packet{Type: Event, Namespace: "/"}, 0},
		{"ACK", `34[1]`, Packet{Type: Ack, Namespace: "/", ID: 4, HasID: true, Payload: []byte(`[1]`)}, 0},
		{"BINARY_EVENT", `52-/a,789["m",{"_placeholder":true,"num":1}]`,
			Packet{Type: Event, Namespace: "/a", Event: "m", ID: 789, HasID: true, Payload: []byte(`[{"_placeholder":true,"num":1}]`)}, 2},
		{"BINARY_ACK", `61-3[{"_placeholder":true,"num":0}]`,
			Packet{Type: Ack, Namespace: "/", ID: 3, HasID: true, Payload: []byte(`[{"_placeholder":true,"num":0}]`)}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, attachments, err := decodePacket([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" || attachments != tt.attachments {
				t.Errorf("%d attachments, want %d; packet (-want +got):\n%s", attachments, tt.attachments, diff)
			}
		})
	}
}

func TestDecodePacketRefuses(t *testing.T) {
	tests := map[string]string{
		"nothing":                       ``,
		"an unknown type":               `7`,
		"a letter":                      `abc`,
		"an event that is an object":    `2{}`,
		"an event without a name":       `2[]`,
		"an event named by a list":      `2[[1]]`,
		"an event named null":           `2[null,1]`,
		"no JSON":                       `2abc["m",1]`,
		"JSON that ends early":          `2["m"`,
		"more than one value":           `2["m"]["m"]`,
		"auth that is a list":           `0[]`,
		"DISCONNECT with a payload":     `1{}`,
		"CONNECT_ERROR with a payload":  `4{"message":"x"}`,
		"no number of attachments":      `5["m"]`,
		"no attachments":                `50-["m"]`,
		"a negative number":             `5-1-["m"]`,
		"too many attachments":          `511-["m"]`,
		"absurdly many attachments":     `51000000-["m"]`,
		"no dash":                       `52["m"]`,
		"binary without payload":        `51-`,
		"a placeholder beyond":          `51-["m",{"_placeholder":true,"num":1}]`,
		"a negative placeholder":        `51-["m",{"_placeholder":true,"num":-1}]`,
		"a placeholder without number":  `51-["m",{"_placeholder":true}]`,
		"a placeholder with a string":   `51-["m",[{"a":{"_placeholder":true,"num":"0"}}]]`,
		"a placeholder, escaped":        `51-["m",{"\u005fplaceholder":true,"num":9}]`,
		"an attachment named too often": `51-["m"` + strings.Repeat(`,{"_placeholder":true,"num":0}`, 11) + `]`,
		"an id beyond 63 bits":          `29223372036854775808["m"]`,
		"a reserved name, connect":      `2["connect"]`,
		"a reserved name, disconnect":   `2["disconnect"]`,
		"a reserved name, escaped":      `2["\u0064isconnecting"]`,
		"what is not UTF-8":             "2[\"m\",\"\xff\"]",
		"JSON nested beyond all bounds": `2["m",` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `]`,
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			if p, _, err := decodePacket([]byte(in)); err == nil {
				t.Errorf("decoded as %+v", p)
			}
		})
	}
}

func TestEncodeGivesTheWireForm(t *testing.T) {
	id := func(p Packet) *Packet { p.ID, p.HasID = 456, true; return &p }
	tests := []struct {
		name string
		in   *Packet
		want string
	}{
		{"CONNECT", &Packet{Type: Connect, Namespace: "/", Payload: []byte(`{"sid":"x"}`)}, `0{"sid":"x"}`},
		{"DISCONNECT of a namespace", &Packet{Type: Disconnect, Namespace: "/a"}, `1/a,`},
		{"EVENT", &Packet{Type: Event, Namespace: "/", Event: "m", Payload: []byte(`[1,{"b":1,"a":2}]`)}, `2["m",1,{"b":1,"a":2}]`},
		{"EVENT without arguments", &Packet{Type: Event, Namespace: "/a", Event: "m", Payload: []byte(`[ ]`)}, `2/a,["m"]`},
		{"EVENT, not HTML-escaped", &Packet{Type: Event, Namespace: "/", Event: "<&>\u2028", Payload: []byte(`["<&>"]`)}, `2["<&>\u2028","<&>"]`},
		{"ACK", id(Packet{Type: Ack, Namespace: "/", Payload: []byte(`[1]`)}), `3456[1]`},
		{"BINARY_EVENT", &Packet{Type: Event, Namespace: "/", Event: "m", Payload: []byte(`[0]`), Attachments: [][]byte{{1}, {2}}}, `52-["m",0]`},
		{"BINARY_ACK", id(Packet{Type: Ack, Namespace: "/a", Payload: []byte(`[0]`), Attachments: [][]byte{{1}}}), `61-/a,456[0]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(tt.in.encodeJSON().Text); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		`0{"token":"123"}`, `0/custom,`, `1`, `2["message",1,"2",{"3":[true]}]`, `2/a,456["m"]`, `34[1]`, `2[7]`, "2\n[\"m\"]",
		`52-["m",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, `61-789[{"_placeholder":true,"num":0}]`, `2["\u0064",1]`,
	} {
		f.Add([]byte(seed), false, []byte{1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, first []byte, binary bool, second []byte) {
		var d Decoder
		decode := func(data []byte, binary bool) (*Packet, error) {
			p, add := Packet{}, d.addText
			if binary {
				add = d.addBinary
			}
			complete, err := add(append([]byte(nil), data...), &p)
			if !complete {
				return nil, err
			}
			return &p, nil
		}
		for range MaxAttachments + 1 {
			p, err := decode(first, binary)
			if err != nil {
				return
			}
			if p != nil {
				checkRoundTrip(t, p)
				return
			}
			first, binary = second, true
		}
		t.Fatalf("more than %d attachments are awaited", MaxAttachments)
	})
}

// checkRoundTrip encodes what has been decoded; what comes out of that must decode to the same.
func checkRoundTrip(t *testing.T, p *Packet) {
	if p.Type == Event && p.Payload == nil || p.Type == Ack && p.Payload == nil {
		return // accepted and ignored
	}
	if strings.ContainsAny(p.Namespace, ",") {
		t.Fatalf("namespace %q has a comma", p.Namespace)
	}
	text := p.encodeJSON().Text
	again, attachments, err := decodePacket(append([]byte(nil), text...))
	if err != nil {
		t.Fatalf("encoded as %q: %v", text, err)
	}
	again.Attachments = p.Attachments
	if attachments != len(p.Attachments) {
		t.Fatalf("encoded as %q, with %d attachments instead of %d", text, attachments, len(p.Attachments))
	}
	if twice := again.encodeJSON().Text; string(twice) != string(text) {
		t.Fatalf("encoded as %q, then as %q", text, twice)
	}
}
