// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// What a template writes is what CEL would have made, read as JSON, and it fails where CEL would.
func TestTemplatesSayWhatTheirExpressionsSay(t *testing.T) {
	sources := []string{
		"[]", "['x', 1, 2.5, -0.0, true, null, {'b': 1, 'a': [2u]}]", "[b'bytes', args[0], b'more']",
		"args", "[args]", "[args[0]]", "[args[1], args[0], args[1]]", "[args[5]]", "[{'z': args[0], 'a': args[1], 'now': now}]",
		"[socket.data.name]", "[socket.data.list, 'é', {'n': socket.data.none}]", "[has(socket.data.name) ? socket.data.name : 'nobody']",
		"[args.size(), {'in': {'deep': [args[0], {'er': now}]}}, event]", "args.map(a, a)", "[args[0] + args[1]]", "[{args[0]: 1}]",
		"[{'a': 1, 'a': args[0]}]", "[now, timestamp('2026-11-23T08:42:32.1239Z'), duration('1500ms')]", "[9007199254740993, 1e21, 1e-7, 123456789012.0]",
	}
	events := []socketio.Args{
		{JSON: []byte(`[]`)},
		{JSON: []byte(`["hello","you"]`)},
		{JSON: []byte(`[ "esc\"aped \u00e9 é\u2028" , 1.50 ]`)},
		{JSON: []byte(`[9007199254740993,-0]`)},
		{JSON: []byte(`[{"b":1.50,"a":"<&>"},[1e3,null,[true]]]`)},
		{JSON: []byte(`[{"_placeholder":true,"num":1},{"x":[{"_placeholder":true,"num":0}]}]`), Attachments: [][]byte{{1}, {2}}},
	}
	set := (*celvalue.Data)(nil).With([]string{"name", "list"}, []ref.Val{types.String("Ada \"A\""), celvalue.FromJSON([]byte(`[1, {"a":2}]`), celvalue.Origin{})})
	for _, source := range sources {
		list, err := CompileTemplate(source)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		for _, event := range events {
			r := &Variables{Name: "e", Args: event, Now: time.UnixMilli(1_780_000_000_123), Data: set}
			want, wantErr := r.listByProgram(list.program)
			got, err := r.List(list)
			if (err == nil) != (wantErr == nil) {
				t.Errorf("%s of %s: error %v, want %v", source, event.JSON, err, wantErr)
				continue
			}
			if err == nil && !cmp.Equal(decoded(t, got.JSON), decoded(t, want.JSON)) || !cmp.Equal(got.Attachments, want.Attachments) {
				t.Errorf("%s of %s: %s with %v, want %s with %v", source, event.JSON, got.JSON, got.Attachments, want.JSON, want.Attachments)
			}
		}
	}
}

func decoded(t *testing.T, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return v
}

func TestRoomsWithoutEvaluation(t *testing.T) {
	r := &Variables{Args: socketio.Args{JSON: []byte(`["a\u0062",["x","y"],1]`)}}
	for source, want := range map[string][]string{
		"'lobby'": {"lobby"}, "args[0]": {"ab"}, "args[1]": {"x", "y"}, "args[2]": nil, "args[3]": nil, "['a', args[0]]": {"a", "ab"}, "[]": {},
	} {
		names, err := CompileRoomNames(source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Rooms(names)
		if !cmp.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
}
