// SPDX-License-Identifier: Apache-2.0

package expression

import (
	"strings"
	"testing"
	"time"

	"github.com/google/cel-go/common/types"
)

func TestCompileAccepts(t *testing.T) {
	tests := []struct {
		kind   Kind
		source string
	}{
		{Condition, "has(socket.data.username)"},
		{Condition, "args[0] in socket.rooms && args.size() > 1"},
		{Condition, "socket.handshake.auth.token == 'x'"},
		{Condition, "args[0] > 3"},
		{Condition, "args[0].all(x, x > 1)"},
		{Value, "args[0]"},
		{Value, "{'a': now, 'b': [1, 2.5, null, b'x']}"},
		{Value, "args[0].trim().lowerAscii()"},
		{List, "[args[0] + ' 加入了聊天室']"},
		{List, "[{'username': socket.data.username, 'message': args[0], 'timestamp': now}]"},
		{List, "args"},
		{List, "args[0]"},
		{List, "[]"},
		{Rooms, "args[0]"},
		{Rooms, "'room-' + socket.id"},
		{Rooms, "['a', args[0]]"},
		{Rooms, "socket.rooms.filter(r, r != socket.id)"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			if _, err := Compile(tt.kind, tt.source); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		kind         Kind
		source, want string
	}{
		{Condition, "has(socket.data.username", "column 25: Syntax error"},
		{Condition, "'yes'", "must yield a bool, and yields string"},
		{Condition, "sockets.id == ''", "column 1: undeclared reference to 'sockets'"},
		{Condition, "true &&\n socket.usernme", "line 2, column 8: undefined field 'usernme'"},
		{Condition, "socket.handshake.ip == ''", "undefined field 'ip'"},
		{List, "'x'", "must yield a list, and yields string"},
		{List, "[args[0]", "Syntax error"},
		{Value, "socket", "must yield a value"},
		{Rooms, "1", "must yield a string or a list of strings, and yields int"},
		{Rooms, "[1]", "must yield a string or a list of strings, and yields list(int)"},
		{Value, "nofunc(1)", "undeclared reference to 'nofunc'"},
		{Condition, "'a' + 1 == 'b'", "no matching overload"},
	}
	for _, tt := range tests {
		t.Run(tt.source, func(t *testing.T) {
			_, err := Compile(tt.kind, tt.source)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestALoopThatIsTooLongEnds(t *testing.T) {
	program, err := Compile(Condition, "args.all(a, args.all(b, args.all(c, a + b + c > 0.0)))")
	if err != nil {
		t.Fatal(err)
	}
	many := make([]float64, 1000)
	for i := range many {
		many[i] = 1
	}
	registry, err := types.NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = program.Eval(map[string]any{
		Args: types.NewDynamicList(registry, many), Event: "e", Now: time.Now(), Socket: types.NullValue,
	})
	if err == nil || !strings.Contains(err.Error(), "more work") {
		t.Errorf("error %v", err)
	}
}
