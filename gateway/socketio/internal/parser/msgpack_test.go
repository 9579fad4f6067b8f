// SPDX-License-Identifier: Apache-2.0

package parser

import (
	"bytes"
	stdcmp "cmp"
	"encoding/hex"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// header is {"type": typ, "nsp": "/", "data": …} in hexadecimal.
func header(typ string) string { return "83 a474797065 " + typ + " a36e7370 a12f a464617461 " }

func TestDecodeMsgpack(t *testing.T) {
	tests := []struct {
		name, in string
		want     Packet
	}{
		{"CONNECT", "82 a474797065 00 a36e7370 a12f", Packet{Type: Connect, Namespace: "/"}},
		{"CONNECT with undefined data", header("00") + "d4 00 00", Packet{Type: Connect, Namespace: "/"}},
		{"CONNECT with auth", header("00") + "81 a16b 01", Packet{Type: Connect, Namespace: "/", Payload: []byte(`{"k":1}`)}},
		{"DISCONNECT", "82 a474797065 01 a36e7370 a12f", Packet{Type: Disconnect, Namespace: "/"}},
		{"EVENT with an id and options", "85 a464617461 92 a16d ff a474797065 02 a76f7074696f6e73 81 a8636f6d7072657373 c3 a26964 cd01c8 a36e7370 a22f61",
			Packet{Type: Event, Namespace: "/a", ID: 456, HasID: true, Event: "m", Payload: []byte(`[-1]`)}},
		{"scalars", header("02") + "99 a16d c0 c2 c3 cb3ff8000000000000 cb7ff8000000000000 cfffffffffffffffff d3ffffffffffffff00 a3e282ac",
			Packet{Type: Event, Namespace: "/", Event: "m", Payload: []byte(`[null,false,true,1.5,null,18446744073709551615,-256,"€"]`)}},
		{"nested, and the order of keys", header("02") + "92 a16d 82 a17a 91 90 a161 80",
			Packet{Type: Event, Namespace: "/", Event: "m", Payload: []byte(`[{"z":[[]],"a":{}}]`)}},
		{"binary", header("03") + "92 c402 0102 81 a162 c7 03 00 030405", Packet{Type: Ack, Namespace: "/",
			Payload:     []byte(`[{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]`),
			Attachments: [][]byte{{1, 2}, {3, 4, 5}}}},
		{"dates", header("02") + "94 a16d d6ff 00000001 d7ff 1dcd650000000001 d700 00000000000003e8",
			Packet{Type: Event, Namespace: "/", Event: "m",
				Payload: []byte(`["1970-01-01T00:00:01.000Z","1970-01-01T00:00:01.125Z","1970-01-01T00:00:01.000Z"]`)}},
		{"integer name", header("02") + "91 07", Packet{Type: Event, Namespace: "/", Event: "7", Payload: []byte(`[]`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decodeMsgpack(unhex(t, tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("packet (-want +got):\n%s", diff)
			}
		})
	}
}

// What a client has sent goes out with the types that it had, though it has been JSON in between.
func TestMsgpackKeepsTypes(t *testing.T) {
	tests := []struct{ name, value, json, out string }{
		{"zero", "00", "0", ""},
		{"an integer of 2^53 + 1", "cf0020000000000001", "9007199254740993", ""},
		{"the largest uint64", "cfffffffffffffffff", "18446744073709551615", ""},
		{"the smallest int64", "d38000000000000000", "-9223372036854775808", ""},
		{"an integer in more bytes than it takes", "d30000000000000001", "1", "01"},
		{"a float64", "cb3ff8000000000000", "1.5", ""},
		{"a float64 without fraction", "cb3ff0000000000000", "1.0", ""},
		{"a large float64 without fraction", "cb43e0000000000000", "9223372036854776000.0", ""},
		{"a larger one", "cb7e37e43c8800759c", "1e+300", ""},
		{"minus zero", "cb8000000000000000", "-0.0", ""},
		{"infinity", "cb7ff0000000000000", "1e400", ""},
		{"minus infinity", "cbfff0000000000000", "-1e400", ""},
		{"a float32", "ca3dcccccd", "0.10000000149011612E0", ""},
		{"a float32 without fraction", "ca3f800000", "1E0", ""},
		{"a small float32", "ca00000001", "1.401298464324817E-45", ""},
		{"minus zero in 32 bits", "ca80000000", "-0E0", ""},
		{"infinity in 32 bits", "ca7f800000", "1E400", ""},
		{"NaN", "cb7ff8000000000001", "null", "c0"},
		{"undefined", "d40000", "null", "c0"},
		{"an undefined member", "83a161d40000a16201a163d40000", `{"b":1}`, "81a16201"},
		{"undefined members alone", "81a161d40000", `{}`, "80"},
		{"undefined in a list in a member", "81a16191d40000", `{"a":[null]}`, "81a16191c0"},
		{"null", "81a161c0", `{"a":null}`, ""},
		{"a string", "a6c3a9e280a822", `"é\u2028\""`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := unhex(t, header("02")+"92a16d"+tt.value)
			p, err := decodeMsgpack(in)
			if err != nil {
				t.Fatal(err)
			}
			if want := "[" + tt.json + "]"; string(p.Payload) != want {
				t.Errorf("in JSON it is %s, want %s", p.Payload, want)
			}
			want := unhex(t, header("02")+"92a16d"+stdcmp.Or(tt.out, tt.value))
			if got := Msgpack.Encode(p).Attachments[0]; !bytes.Equal(got, want) {
				t.Errorf("goes out as %x, want %x", got, want)
			}
		})
	}
}

// Numbers of JSON, as of a published document.
func TestEncodeMsgpackNumbers(t *testing.T) {
	for json, want := range map[string]string{
		"1": "01", "-1": "ff", "18446744073709551615": "cfffffffffffffffff", "18446744073709551616": "cb43f0000000000000",
		"1.0": "cb3ff0000000000000", "1e2": "cb4059000000000000", "-0": "cb8000000000000000", "1E2": "ca42c80000", "0.1E0": "cb3fb999999999999a",
		"1e400": "cb7ff0000000000000", "9007199254740993": "cf0020000000000001",
	} {
		p := Packet{Type: Ack, Namespace: "/", Payload: []byte("[" + json + "]")}
		got := hex.EncodeToString(Msgpack.Encode(&p).Attachments[0])
		if !strings.HasSuffix(got, "a464617461"+"91"+want) {
			t.Errorf("%s goes out as %s, want %s", json, got, want)
		}
	}
}

func TestDecodeMsgpackRefuses(t *testing.T) {
	tests := map[string]string{
		"nothing":                   "",
		"no map":                    "01",
		"nil":                       "c0",
		"no type":                   "81 a36e7370 a12f",
		"an unknown type":           header("05") + "90",
		"no namespace":              "81 a474797065 00",
		"a namespace with a comma":  "82 a474797065 00 a36e7370 a32f2c61",
		"a namespace without slash": "82 a474797065 00 a36e7370 a161",
		"bytes behind the packet":   "82 a474797065 00 a36e7370 a12f 00",
		"CONNECT with a list":       header("00") + "90",
		"DISCONNECT with data":      header("01") + "80",
		"EVENT with an object":      header("02") + "80",
		"EVENT without data":        "82 a474797065 02 a36e7370 a12f",
		"EVENT without name":        header("02") + "90",
		"a reserved name":           header("02") + "91 a7636f6e6e656374",
		"CONNECT_ERROR":             header("04") + "80",
		"a negative id":             "84 a474797065 02 a36e7370 a12f a26964 ff a464617461 91 a16d",
		"a fractional id":           "84 a474797065 02 a36e7370 a12f a26964 cb3ff8000000000000 a464617461 91 a16d",
		"a string that is no UTF-8": header("02") + "91 a1ff",
		"a list that ends early":    header("02") + "dd ffffffff a16d",
		"binary that ends early":    header("02") + "92 a16d c6 ffffffff 00",
		"an extension too long":     header("02") + "92 a16d c9 ffffffff 00",
		"an unknown extension":      header("02") + "92 a16d d4 05 00",
		"a key that is no string":   header("02") + "92 a16d 81 01 01",
		"a byte that means nothing": header("02") + "92 a16d c1",
		"nested beyond all bounds":  header("02") + "92 a16d" + strings.Repeat("91", 100_000),
		"nested in what is ignored": "81 a178" + strings.Repeat("91", 100_000),
		"a placeholder of its own":  header("02") + "93 a16d c400 82 ac5f706c616365686f6c646572 c3 a36e756d 00",
		"too many binary values":    header("02") + "dc 03ea a16d" + strings.Repeat("c400", 1001),
	}
	for name, in := range tests {
		t.Run(name, func(t *testing.T) {
			if p, err := decodeMsgpack(unhex(t, in)); err == nil {
				t.Errorf("decoded as %+v", p)
			}
		})
	}
}

func TestMsgpackBelievesNoLength(t *testing.T) {
	for name, in := range map[string]string{
		"binary":    header("02") + "92 a16d c6 ffffffff 00",
		"string":    header("02") + "92 a16d db ffffffff 00",
		"extension": header("02") + "92 a16d c9 ffffffff 00 00",
		"list":      header("02") + "dd ffffffff",
		"map":       "df ffffffff",
		"key":       "81 db ffffffff 00",
		"namespace": "81 a36e7370 db ffffffff 00",
		"name":      header("02") + "91 c6 ffffffff 00",
	} {
		t.Run(name, func(t *testing.T) {
			data := unhex(t, in)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := decodeMsgpack(data); err == nil {
				t.Error("no error")
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes were allocated for a packet of %d", n, len(data))
			}
		})
	}
}

func TestEncodeMsgpack(t *testing.T) {
	list, attachments, err := EncodeArgs(1, -5, 1.5, 1e300, "é", nil, true, []byte{7}, map[string]any{"n": []int{1 << 40}})
	if err != nil {
		t.Fatal(err)
	}
	p := &Packet{Type: Event, Namespace: "/a", Event: "m", ID: 3, HasID: true, Payload: list, Attachments: attachments}
	e := Msgpack.Encode(p)
	if len(e.Text) > 0 || len(e.Attachments) != 1 {
		t.Fatalf("encoded as %+v", e)
	}
	want := "84 a474797065 02 a36e7370 a22f61 a26964 03 a464617461 9a a16d 01 fb cb3ff8000000000000 cb7e37e43c8800759c a2c3a9 c0 c3 " +
		"c40107 81 a16e 91 cf0000010000000000"
	if !bytes.Equal(e.Attachments[0], unhex(t, want)) {
		t.Errorf("encoded as %x, want %s", e.Attachments[0], want)
	}
	again, err := Msgpack.Decode(e)
	if err != nil {
		t.Fatal(err)
	}
	if twice := Msgpack.Encode(again); !bytes.Equal(twice.Attachments[0], e.Attachments[0]) {
		t.Errorf("encoded again as %x, first as %x", twice.Attachments[0], e.Attachments[0])
	}
}

func FuzzMsgpack(f *testing.F) {
	for _, seed := range []string{
		"82 a474797065 00 a36e7370 a12f", header("02") + "92 a16d c402 0102", header("03") + "92 d6ff 00000001 cb3ff8000000000000",
		"85 a464617461 92 a16d ff a474797065 02 a76f7074696f6e73 81 a8636f6d7072657373 c3 a26964 cd01c8 a36e7370 a22f61",
	} {
		f.Add(unhex(f, seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := decodeMsgpack(data)
		if err != nil {
			return
		}
		e := Msgpack.Encode(p)
		again, err := Msgpack.Decode(e)
		if err != nil {
			t.Fatalf("%+v encoded as %x: %v", p, e.Attachments[0], err)
		}
		if twice := Msgpack.Encode(again); !bytes.Equal(twice.Attachments[0], e.Attachments[0]) {
			t.Fatalf("encoded as %x, then as %x", e.Attachments[0], twice.Attachments[0])
		}
	})
}
