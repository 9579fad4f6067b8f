// SPDX-License-Identifier: Apache-2.0

package trace_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/socketio/trace"
)

const traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

func TestParents(t *testing.T) {
	long := strings.Repeat("a", 510) + "=1"
	for name, tt := range map[string]struct {
		parent, state string
		want          *trace.Parent
	}{
		"with a state":              {traceParent, "rojo=00f067aa0ba902b7", &trace.Parent{ID: traceParent, State: "rojo=00f067aa0ba902b7"}},
		"without":                   {traceParent, "", &trace.Parent{ID: traceParent}},
		"the longest state":         {traceParent, long, &trace.Parent{ID: traceParent, State: long}},
		"a longer state":            {traceParent, long + "0", &trace.Parent{ID: traceParent}},
		"a state that is no text":   {traceParent, "a=\r\nb", &trace.Parent{ID: traceParent}},
		"a later version":           {"01" + traceParent[2:] + "-more", "", &trace.Parent{ID: "01" + traceParent[2:] + "-more"}},
		"nothing":                   {"", "rojo=1", nil},
		"an unknown version":        {"ff" + traceParent[2:], "", nil},
		"more than version 00 has":  {traceParent + "-more", "", nil},
		"a later version run on":    {"01" + traceParent[2:] + "more", "", nil},
		"a later version, too long": {"01" + traceParent[2:] + "-" + strings.Repeat("m", 128), "", nil},
		"a line's end behind it":    {"01" + traceParent[2:] + "-\r\n", "", nil},
		"upper case":                {strings.ToUpper(traceParent), "", nil},
		"no trace id":               {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "", nil},
		"no parent id":              {"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "", nil},
		"flags that are no number":  {traceParent[:53] + "0g", "", nil},
		"cut off":                   {traceParent[:54], "", nil},
		"other separators":          {strings.ReplaceAll(traceParent, "-", "_"), "", nil},
	} {
		if diff := cmp.Diff(tt.want, trace.New(tt.parent, tt.state)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	ctx := trace.NewContext(t.Context(), nil)
	if parent := trace.FromContext(ctx); ctx != t.Context() || parent != nil {
		t.Errorf("a context without a trace has %v", parent)
	}
}
