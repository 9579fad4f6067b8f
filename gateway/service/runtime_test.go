// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/loglimit"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const path = "/socket.io/"

// program compiles namespaces, given as in a manifest.
func program(t testing.TB, namespaces string) *Program {
	t.Helper()
	return specProgram(t, "  namespaces:\n"+namespaces)
}

// specProgram compiles the spec of a manifest.
func specProgram(t testing.TB, spec string) *Program {
	t.Helper()
	indented := "  " + strings.ReplaceAll(spec, "\n", "\n  ")
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: t}\nspec:\n"+indented))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(svc, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// runtime runs a server for a test, and checks that nothing of it is left.
func runtime(t *testing.T, namespaces string) (*Runtime, string) {
	t.Helper()
	return runtimeOf(t, program(t, namespaces))
}

func runtimeOf(t *testing.T, p *Program) (*Runtime, string) {
	t.Helper()
	return runtimeAt(t, p, nil)
}

// runtimeAt is runtimeOf with a clock.
func runtimeAt(t *testing.T, p *Program, now func() time.Time) (*Runtime, string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	options := socketio.Options{}
	options.Engine.Path = path
	server, err := socketio.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRuntime(server, Options{Registerer: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Now: now})
	r.Apply(p)
	hs := httptest.NewServer(server)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		hs.Close()
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
	return r, hs.URL
}

func connect(t *testing.T, url string) *wiretest.Client { return connectTo(t, url, "/") }

func connectTo(t *testing.T, url, namespace string) *wiretest.Client {
	t.Helper()
	c, _ := wiretest.Connect(t, url, path, namespace)
	return c
}

// TestHandlers sends packets to a namespace with these handlers and wants these answers.
func TestHandlers(t *testing.T) {
	const relay = "{event: say, do: [{emit: {event: said, to: socket, args: 'args'}}]}"
	tests := []struct {
		name, handlers string
		send, want     []string
	}{
		{
			"arguments are relayed as the bytes that came", relay,
			[]string{`42["say", {"b":1.50,"a":"<&>\u00e9"},[1e3, -0]]`},
			[]string{`42["said",{"b":1.50,"a":"<&>\u00e9"},[1e3, -0]]`},
		},
		{
			"no arguments", relay, []string{`42["say"]`}, []string{`42["said"]`},
		},
		{
			"an argument among others keeps its bytes",
			"{event: say, do: [{emit: {event: said, to: socket, args: \"['x', args[0], args[1].z]\"}}]}",
			[]string{`42["say",{"b":1.50,"a":2},{"z":{"y":1,"x":2}}]`},
			[]string{`42["said","x",{"b":1.50,"a":2},{"y":1,"x":2}]`},
		},
		{
			"what is computed is written as JavaScript does",
			"{event: say, do: [{emit: {event: said, to: socket, args: \"[args[0] + 1.0, 1, 2u, 0.1 + 0.2, -0.0, 1.0/0.0, null, true, 'é<&>\\\"', {'b': 1, 'a': [2]}, duration('1500ms'), timestamp('2026-11-23T08:42:32.1239Z')]\"}}]}",
			[]string{`42["say",2]`},
			[]string{`42["said",3,1,2,0.30000000000000004,0,null,null,true,"é<&>\"",{"a":[2],"b":1},"1.5s","2026-11-23T08:42:32.123Z"]`},
		},
		{
			"data is remembered, and has() tells of it",
			"{event: e, when: '!has(socket.data.k)', do: [{set: {k: 'args[0]', m: '[args[0]]'}}, {emit: {event: first, to: socket, args: '[socket.data.k, socket.data.m]'}}]}," +
				"{event: again, when: 'has(socket.data.k)', do: [{emit: {event: second, to: socket, args: '[socket.data]'}}]}",
			[]string{`42["again"]`, `42["e",{"z":1,"a":[2]}]`, `42["again"]`},
			[]string{`42["first",{"z":1,"a":[2]},[{"z":1,"a":[2]}]]`, `42["second",{"k":{"z":1,"a":[2]},"m":[{"z":1,"a":[2]}]}]`},
		},
		{
			"all of a set sees what was before it",
			"{event: e, do: [{set: {a: \"'old'\", b: \"'B'\"}}, {set: {a: 'socket.data.b', b: 'socket.data.a'}}, {emit: {event: f, to: socket, args: '[socket.data.a, socket.data.b]'}}]}",
			[]string{`42["e"]`}, []string{`42["f","B","old"]`},
		},
		{
			"rooms", "{event: e, do: [{join: \"['a', args[0]]\"}, {leave: \"'a'\"}, {emit: {event: f, rooms: [\"args[0]\"], args: \"[socket.rooms.filter(r, r != socket.id)]\"}}, {emit: {event: g, rooms: [\"'a'\"]}}, {emit: {event: h, to: socket}}]}",
			[]string{`42["e","b"]`}, []string{`42["f",["b"]]`, `42["h"]`},
		},
		{
			"an empty list of rooms reaches nobody", "{event: e, do: [{emit: {event: f, rooms: ['args']}}, {emit: {event: g}}]}",
			[]string{`42["e"]`}, []string{`42["g"]`},
		},
		{
			"except", "{event: e, do: [{join: \"'a'\"}, {emit: {event: f, except: [\"'a'\"]}}, {emit: {event: g, except: [\"'b'\"]}}]}",
			[]string{`42["e"]`}, []string{`42["g"]`},
		},
		{
			"handlers run in the manifest's order, those of * among them",
			"{event: '*', do: [{emit: {event: one, to: socket, args: '[event]'}}]}, {event: e, do: [{emit: {event: two, to: socket}}]}, {event: '*', do: [{emit: {event: three, to: socket}}]}",
			[]string{`42["e"]`, `42["other"]`},
			[]string{`42["one","e"]`, `42["two"]`, `42["three"]`, `42["one","other"]`, `42["three"]`},
		},
		{
			"acks: the first counts", "{event: e, do: [{ack: '[1, args[0]]'}, {ack: '[2]'}]}", []string{`427["e",{"b":1,"a":2}]`}, []string{`437[1,{"b":1,"a":2}]`},
		},
		{
			"an ack nobody asked for is none", "{event: e, do: [{ack: '[1]'}, {emit: {event: f, to: socket}}]}", []string{`42["e"]`}, []string{`42["f"]`},
		},
		{
			"a handler without ack answers when it is done", "{event: e, do: [{emit: {event: f, to: socket}}]}", []string{`420["e"]`}, []string{`42["f"]`, `430[]`},
		},
		{
			"a handler whose condition is not met answers too", "{event: e, when: 'false', do: [{disconnect: {}}]}", []string{`420["e"]`}, []string{`430[]`},
		},
		{
			"a handler that fails says so and no more, and the next ones run",
			"{event: e, do: [{emit: {event: f, to: socket, args: '[args[3]]'}}, {disconnect: {close: true}}]}, {event: e, do: [{emit: {event: g, to: socket}}]}",
			[]string{`421["e"]`}, []string{`42["g"]`, `431[{"error":"the service could not handle the event"}]`},
		},
		{
			"an event that nobody handles", "{event: e, do: [{disconnect: {}}]}", []string{`42["other"]`, `421["other"]`},
			[]string{`431[{"error":"the service does not handle the event"}]`},
		},
		{
			"a yield of the wrong kind fails", "{event: e, do: [{emit: {event: f, to: socket, args: 'args[0]'}}]}, {event: j, do: [{join: 'args'}]}, {event: w, when: 'args[0]', do: [{disconnect: {}}]}",
			[]string{`421["e",1]`, `422["j",1]`, `423["w","yes"]`},
			[]string{`431[{"error":"the service could not handle the event"}]`, `432[{"error":"the service could not handle the event"}]`, `433[{"error":"the service could not handle the event"}]`},
		},
		{
			"what cannot be sent fails", "{event: e, do: [{emit: {event: f, to: socket, args: '[socket.handshake]'}}]}", []string{`421["e",1]`}, []string{`431[{"error":"the service could not handle the event"}]`},
		},
		{
			"disconnect", "{event: e, do: [{disconnect: {}}, {emit: {event: f, to: socket}}]}", []string{`421["e"]`}, []string{`41`},
		},
		{
			"the connection's own facts", "{event: e, do: [{emit: {event: f, to: socket, args: \"[socket.namespace, socket.handshake.query['x'], socket.handshake.headers['x-y'], socket.handshake.address, socket.handshake.secure, socket.handshake.auth, type(now) == type(socket.handshake.time)]\"}}]}",
			[]string{`42["e"]`}, []string{`42["f","/","1 2","a, b","127.0.0.1",false,{},true]`},
		},
		{
			"deep data and odd names", relay + ", {event: get, do: [{emit: {event: got, to: socket, args: \"[args[0]['a\\\\u0301 \\\"'].b[1]]\"}}]}",
			[]string{`42["get",{"x":0,"a\u0301 \"":{"b":[0,{"k" : "v"}]}}]`}, []string{`42["got",{"k" : "v"}]`},
		},
		{
			"comparison of what came with what came", "{event: e, do: [{ack: '[args[0] == args[1], args[0] in args[2], args[1].size()]'}]}",
			[]string{`421["e",{"a":1,"b":[2]},{"b":[2.0],"a":1},[7,{"a":1,"b":[2]}]]`}, []string{`431[true,true,2]`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, url := runtime(t, "  - name: /\n    handlers: ["+tt.handlers+"]\n")
			c := wiretest.Dial(t, url, path, "&x=1+2", map[string][]string{"X-Y": {"a", "b"}})
			c.Join("/")
			c.Send(tt.send...)
			c.Expect(tt.want...)
		})
	}
}

func TestBinary(t *testing.T) {
	const handlers = `
  - name: /
    handlers:
    - {event: say, do: [{emit: {event: said, to: socket, args: "args"}}]}
    - {event: pick, do: [{emit: {event: picked, to: socket, args: "[args[1], {'again': args[1]}, size(args[1])]"}}]}
    - {event: keep, do: [{set: {it: "args[0]"}}]}
    - {event: give, do: [{ack: "[socket.data.it]"}]}
    - {event: mix, do: [{emit: {event: mixed, to: socket, args: "[args[0], b'\\x01']"}}]}
    - {event: many, do: [{ack: "args.map(a, b'x')"}]}
`
	_, url := runtime(t, handlers)
	c := connect(t, url)
	send := func(text string, attachments ...[]byte) {
		c.Send(text)
		for _, a := range attachments {
			c.SendBinary(a)
		}
	}
	first, second := []byte{1, 2}, []byte{3}

	send(`452-["say",{"_placeholder":true,"num":1},{"x":{"num":0,"_placeholder":true}, "y":1.0}]`, first, second)
	c.Expect(`452-["said",{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}, "y":1.0}]`, "binary [3]", "binary [1 2]")

	send(`452-["pick",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, first, second)
	c.Expect(`452-["picked",{"_placeholder":true,"num":0},{"again":{"_placeholder":true,"num":1}},1]`, "binary [3]", "binary [3]")

	send(`451-["keep",{"z":1,"blob":{"_placeholder":true,"num":0}}]`, first)
	send(`420["give"]`)
	c.Expect(`461-0[{"z":1,"blob":{"_placeholder":true,"num":0}}]`, "binary [1 2]")

	t.Run("what looks like a placeholder", func(t *testing.T) {
		send(`42["say",{"_placeholder":true,"num":0}]`)
		c.Expect(`42["said",{"_placeholder":true,"num":0}]`) // no packet with attachments: harmless
		send(`421["mix",{"\u005fplaceholder":true,"num":5}]`)
		c.Expect(`431[{"error":"the service could not handle the event"}]`)
		send(`42["mix",{"_placeholder":1}]`)
		c.Expect(`451-["mixed",{"_placeholder":1},{"_placeholder":true,"num":0}]`, "binary [1]")
	})
	t.Run("more than clients take", func(t *testing.T) {
		send(`421["many",0,0,0,0,0,0,0,0,0,0,0]`)
		c.Expect(`431[{"error":"the service could not handle the event"}]`)
	})
}

func TestAudience(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    handlers:
    - {event: enter, do: [{join: "args[0]"}, {ack: "[]"}]}
    - {event: all, do: [{emit: {event: to-all, args: "args"}}]}
    - {event: others, do: [{emit: {event: to-others, to: others, args: "args"}}]}
    - {event: room, do: [{emit: {event: to-room, to: others, rooms: ["args[0]"], args: "args"}}]}
    - {event: disconnecting, do: [{emit: {event: leaving, args: "[args[0], 'lobby' in socket.rooms]"}}]}
    - {event: disconnect, do: [{emit: {event: left, args: "[args[0], socket.rooms.size()]"}}]}
`)
	ada, bob, eve := connect(t, url), connect(t, url), connect(t, url)
	for _, c := range []*wiretest.Client{ada, bob} {
		c.Send(`420["enter","lobby"]`)
		c.Expect(`430[]`)
	}
	ada.Send(`42["all",1]`, `42["others",2]`, `42["room","lobby"]`, `42["all",3]`)
	ada.Expect(`42["to-all",1]`, `42["to-all",3]`)
	bob.Expect(`42["to-all",1]`, `42["to-others",2]`, `42["to-room","lobby"]`, `42["to-all",3]`)
	eve.Expect(`42["to-all",1]`, `42["to-others",2]`, `42["to-all",3]`)

	ada.Send("41")
	for _, c := range []*wiretest.Client{bob, eve} {
		c.Expect(`42["leaving","client namespace disconnect",true]`, `42["left","client namespace disconnect",0]`)
	}
	bob.Close()
	eve.Expect(`42["leaving","transport close",true]`, `42["left","transport close",0]`)
}

func TestNobodyMakesRoomsOrNamespacesWithoutEnd(t *testing.T) {
	_, url := runtime(t, "  - name: /\n    handlers: [{event: enter, do: [{join: 'args[0]'}, {ack: '[]'}]}]\n  dynamicNamespaces: [{pattern: '/.+'}]\n")
	c := connect(t, url)
	rooms := make([]string, 1000)
	for i := range rooms {
		rooms[i] = fmt.Sprintf(`"%d"`, i)
	}
	c.Send(`420["enter",[` + strings.Join(rooms, ",") + `]]`)
	c.Expect("430[]")
	c.Send(`421["enter","one more"]`)
	c.Expect(`431[{"error":"the service could not handle the event"}]`)

	for i := range 63 {
		c.Join(fmt.Sprintf("/%d", i))
	}
	c.Send("40/more,")
	c.Expect(`44/more,{"message":"Too many namespaces"}`)
	c.Send("41/0,")
	c.Join("/more")
}

func TestNamesOfRoomsAreBounded(t *testing.T) {
	_, url := runtime(t, "  - name: /\n    handlers: [{event: enter, do: [{join: 'args[0]'}, {ack: '[]'}]}]\n")
	c, most := connect(t, url), socketio.DefaultLimits().RoomNameBytes
	c.Send(`420["enter","` + strings.Repeat("r", most) + `"]`)
	c.Expect("430[]")
	c.Send(`421["enter","` + strings.Repeat("r", most+1) + `"]`)
	c.Expect(`431[{"error":"the service could not handle the event"}]`)
}

func TestApplyWhileClientsStay(t *testing.T) {
	greet := func(text string) string {
		return "  - name: /\n    handlers: [{event: hi, do: [{emit: {event: hello, args: \"['" + text + "']\"}}]}]\n"
	}
	extra := "  - name: /extra\n    handlers: [{event: connection, do: [{emit: {event: welcome, to: socket}}]}]\n"
	r, url := runtime(t, greet("old"))
	c := connect(t, url)
	c.Send(`42["hi"]`)
	c.Expect(`42["hello","old"]`)

	r.Apply(program(t, greet("new")+extra))
	c.Send(`42["hi"]`)
	c.Expect(`42["hello","new"]`)
	c.Join("/extra")
	c.Expect(`42/extra,["welcome"]`)

	r.Apply(program(t, greet("newest")))
	c.Expect("41/extra,")
	c.Send(`42["hi"]`, "40/extra,")
	c.Expect(`42["hello","newest"]`, `44/extra,{"message":"Invalid namespace"}`)
}

func TestDynamicNamespaces(t *testing.T) {
	const static = "  - name: /orders/new\n    handlers: [{event: who, do: [{ack: \"['static', socket.params.size()]\"}]}]\n"
	dynamic := func(answer string) string {
		return static + "  dynamicNamespaces:\n  - pattern: '/orders/(?P<id>[a-z0-9]+)'\n    handlers:\n" +
			"    - {event: who, do: [{ack: \"['" + answer + "', socket.params.id, socket.namespace]\"}]}\n" +
			"    - {event: shout, do: [{emit: {event: heard, args: args}}]}\n"
	}
	r, url := runtime(t, dynamic("dynamic"))
	seven, another, eight := connectTo(t, url, "/orders/7"), connectTo(t, url, "/orders/7"), connectTo(t, url, "/orders/8")
	seven.Send(`42/orders/7,0["who"]`)
	seven.Expect(`43/orders/7,0["dynamic","7","/orders/7"]`)
	newest := connectTo(t, url, "/orders/new")
	newest.Send(`42/orders/new,0["who"]`)
	newest.Expect(`43/orders/new,0["static",0]`)
	seven.Send("40/orders/7/x,")
	seven.Expect(`44/orders/7/x,{"message":"Invalid namespace"}`)

	seven.Send(`42/orders/7,["shout",1]`)
	for _, c := range []*wiretest.Client{seven, another} {
		c.Expect(`42/orders/7,["heard",1]`)
	}
	r.Apply(program(t, dynamic("changed")))
	eight.Send(`42/orders/8,0["who"]`)
	eight.Expect(`43/orders/8,0["changed","8","/orders/8"]`)
	if n := testutil.ToFloat64(r.events.WithLabelValues("dynamic")); n != 3 {
		t.Errorf("%v events are counted, 3 came", n)
	}

	r.Apply(program(t, static))
	for namespace, c := range map[string]*wiretest.Client{"/orders/7": seven, "/orders/8": eight} {
		c.Expect("41" + namespace + ",")
	}
	newest.Send(`42/orders/new,0["who"]`)
	newest.Expect(`43/orders/new,0["static",0]`)
}

// TestVolatile drops an event for a client between two polls, and sends it to one that can take it.
func TestVolatile(t *testing.T) {
	_, url := runtime(t, "  - name: /\n    handlers: [{event: move, do: [{emit: {event: at, volatile: true, args: args}}, {ack: '[]'}]}]\n")

	base := url + path + "?EIO=4&transport=polling"
	open := request(t, base, "")
	base += "&sid=" + strings.Split(open, `"`)[3]
	request(t, base, "40")
	request(t, base, "")
	request(t, base, `420["move",1]`) // no poll waits meanwhile
	if got := request(t, base, ""); got != "430[]" {
		t.Errorf("a client between two polls gets %s", got)
	}

	c := connect(t, url)
	// What came before may still be on its way, as the server sees it, when the first ones are
	// sent.
	for i := range 1000 {
		c.Send(`420["move",2]`)
		got := c.Receive()
		if got == `42["at",2]` {
			return
		}
		if got != "430[]" {
			t.Fatalf("event %d is answered with %s", i, got)
		}
	}
	t.Error("a client that could take it gets no volatile event")
}

// request polls, or posts a body, and returns the answer.
func request(t *testing.T, url, body string) string {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s, %v", method, body, resp.Status, answer, err)
	}
	return string(answer)
}

func TestMetrics(t *testing.T) {
	r, url := runtime(t, "  - name: /\n    handlers: [{event: e, do: [{ack: '[args[0]]'}]}]\n")
	c := connect(t, url)
	c.Send(`420["e",1]`, `421["e"]`)
	c.Expect(`430[1]`, `431[{"error":"the service could not handle the event"}]`)
	if n := testutil.ToFloat64(r.events.WithLabelValues("/")); n != 2 {
		t.Errorf("%v events are counted, 2 came", n)
	}
	if n := testutil.ToFloat64(r.failures.WithLabelValues("/")); n != 1 {
		t.Errorf("%v failures are counted, there was one", n)
	}
}

func TestFailuresDoNotFloodTheLog(t *testing.T) {
	var log strings.Builder
	r, url := runtime(t, "  - name: /\n    handlers: [{event: e, do: [{ack: '[args[0]]'}]}]\n")
	r.log = slog.New(slog.NewTextHandler(&log, nil))
	c := connect(t, url)
	const sent = 10 * loglimit.Lines
	for i := range sent {
		c.Send(fmt.Sprintf(`42%d["e"]`, i))
		c.Receive()
	}
	if lines := strings.Count(log.String(), "\n"); lines != loglimit.Lines {
		t.Errorf("%d failures make %d lines", sent, lines)
	}
	if !strings.Contains(log.String(), "index out of bounds") {
		t.Errorf("the log does not say what is wrong: %.300s", log.String())
	}
}
