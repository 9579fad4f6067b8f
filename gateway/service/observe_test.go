// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/service/observation"
)

const observable = `
  protocol: {admission: [{expression: "!('no' in request.query)", message: not you}]}
  namespaces:
  - name: /
    rooms:
    - {name: "class-{class}", autoJoinRooms: "['class-1']"}
    - {name: "team-{team}", presence: true, presenceInfo: "socket.id", allow: {join: "room.params.team == 'red'", emit: "false"}}
    handlers:
    - {event: enter, do: [{join: "args[0]"}, {ack: "[]"}]}
    - {event: "*", when: "event != 'quiet'", do: [{ack: "[]"}]}
    - {event: enter, when: "args[1]", do: [{set: {a: "1"}}, {when: "socket.data.a == 2", set: {b: "1"}}]}
  dynamicNamespaces:
  - pattern: /order-[0-9]+
    handlers:
    - {event: disconnect, do: [{set: {a: "1"}}]}
    - {event: say, do: [{ack: "[1]"}]}
`

// observations counts what is observed, by path and result.
type observations struct {
	mu   sync.Mutex
	seen map[string]int
}

func (o *observations) observe(seen observation.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case seen.Kind == observation.Handler:
		o.seen[seen.Path]++
	case seen.Err != nil:
		o.seen[seen.Path+" fails"]++
	default:
		o.seen[fmt.Sprintf("%s %v", seen.Path, seen.Result.Value())]++
	}
}

func TestAProgramIsObserved(t *testing.T) {
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: s}\nspec:"+observable))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(svc, nil)
	if err != nil {
		t.Fatal(err)
	}
	o := &observations{seen: map[string]int{}}
	var paths []string
	for _, site := range p.Observe(svc, o.observe) {
		paths = append(paths, string(site.Kind)+" "+site.Path)
	}
	want := []string{
		"condition spec.protocol.admission[0].expression",
		"value spec.namespaces[0].rooms[0].autoJoinRooms",
		"condition spec.namespaces[0].rooms[1].allow.join", "condition spec.namespaces[0].rooms[1].allow.emit",
		"value spec.namespaces[0].rooms[1].presenceInfo",
		"handler spec.namespaces[0].handlers[0]",
		"condition spec.namespaces[0].handlers[1].when", "handler spec.namespaces[0].handlers[1]",
		"condition spec.namespaces[0].handlers[2].when", "handler spec.namespaces[0].handlers[2]",
		"condition spec.namespaces[0].handlers[2].do[1].when",
		"handler spec.dynamicNamespaces[0].handlers[0]", "handler spec.dynamicNamespaces[0].handlers[1]",
	}
	if !slices.Equal(paths, want) {
		t.Errorf("places\n%s\nwant\n%s", strings.Join(paths, "\n"), strings.Join(want, "\n"))
	}
	_, url := runtimeOf(t, p)
	c := connect(t, url)
	c.Send(`420["enter","team-red",true]`)
	c.Expect("430[]")
	c.Send(`421["enter","team-blue","x"]`)
	c.Expect("431[]") // by the second handler
	c.Send(`422["quiet"]`)
	c.Expect("432[]")
	order := wiretest.Dial(t, url, path, "", nil)
	order.Join("/order-7")
	order.Send(`42/order-7,3["say"]`)
	order.Expect("43/order-7,3[1]")
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.seen, func(what string, _ int) bool { // it may be evaluated by now, or not yet
		return strings.HasPrefix(what, "spec.namespaces[0].rooms[1].presenceInfo ")
	})
	wantSeen := map[string]int{
		"spec.namespaces[0].rooms[0].autoJoinRooms [class-1]": 1,
		"spec.namespaces[0].handlers[2].do[1].when false":     1,
		"spec.namespaces[0].rooms[1].allow.join true":         1, "spec.namespaces[0].rooms[1].allow.join false": 1,
		"spec.namespaces[0].handlers[0]":            2,
		"spec.namespaces[0].handlers[1].when true":  2,
		"spec.namespaces[0].handlers[1].when false": 1,
		"spec.namespaces[0].handlers[1]":            2,
		"spec.namespaces[0].handlers[2].when true":  1,
		"spec.namespaces[0].handlers[2].when x":     1,
		"spec.namespaces[0].handlers[2]":            1,
		"spec.dynamicNamespaces[0].handlers[1]":     1,
	}
	if !maps.Equal(o.seen, wantSeen) {
		t.Errorf("observed %v, want %v", o.seen, wantSeen)
	}
}

// TestARuntimeIsAskedWhatASocketMayDo has the decisions that handlers would meet, without the
// handlers.
func TestARuntimeIsAskedWhatASocketMayDo(t *testing.T) {
	r, url := runtime(t, guarded)
	c := wiretest.Dial(t, url, path, "", nil)
	s := r.Socket("/", c.Join("/"))
	if s == nil || r.Socket("/", "nobody") != nil || r.Socket("/nowhere", s.ID()) != nil {
		t.Fatalf("the socket is %v", s)
	}
	ask(t, c, `["iam","red"]`, `[]`)
	for what, want := range map[string]string{
		"join team-red": "", "join team-blue": "forbidden, by rooms[2].allow.join",
		"leave team-red": "", "leave team-open": "forbidden, by rooms[2].allow.leave",
		"emit team-red": "", "emit team-open": "forbidden, by rooms[2].allow.emit",
		"presence team-red": "", "presence team-open": "forbidden, by rooms[2].allow.presence",
		"history team-blue": "", "emit lobby": "",
		"paint lobby": `"paint" is nothing to do in a room; want one of ["join" "leave" "emit" "history" "presence"]`,
	} {
		access, room, _ := strings.Cut(what, " ")
		got := ""
		if err := r.Judge(s, access, room); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	if len(s.Rooms()) != 2 { // its own, and lobby
		t.Errorf("it is in the rooms %q", s.Rooms())
	}
}
