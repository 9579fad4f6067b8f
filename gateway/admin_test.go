// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
	"github.com/realtime-operator/realtime-operator/gateway/admin"
)

// people asks a gateway as kubectl rts does, and decodes the answer. It returns what was answered.
func (r *reach) people(gateway int, path string, into any) string {
	r.Helper()
	var out bytes.Buffer
	if err := admin.Ask(r.Context(), r.admin[gateway], http.MethodGet, path, nil, &out); err != nil {
		r.Fatalf("%s: %v", path, err)
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		r.Fatalf("%s answers %s: %v", path, &out, err)
	}
	return out.String()
}

// lines asks for a stream, and returns its lines but for those that say nothing.
func (r *reach) lines(gateway int, path string) (next func() gatewayadmin.Line, end func()) {
	r.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := admin.Ask(ctx, r.admin[gateway], http.MethodGet, path, nil, out)
		out.CloseWithError(err)
		done <- err
	}()
	scanner := bufio.NewScanner(in)
	read := func() (line gatewayadmin.Line) {
		r.Helper()
		if !scanner.Scan() {
			r.Fatalf("the stream ended: %v", scanner.Err())
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			r.Fatalf("%s: %v", scanner.Text(), err)
		}
		return line
	}
	if first := read(); first.Kind != gatewayadmin.KindAlive {
		r.Fatalf("it begins with %+v", first)
	}
	next = func() gatewayadmin.Line {
		r.Helper()
		for {
			if line := read(); line.Kind != gatewayadmin.KindAlive {
				return line
			}
		}
	}
	return next, sync.OnceFunc(func() {
		cancel()
		in.Close()
		<-done
	})
}

// undated leaves out what differs each time.
var undated = cmpopts.IgnoreFields(gatewayadmin.Line{}, "Time", "Socket", "Bytes")

func (r *reach) wants(what string, next func() gatewayadmin.Line, want gatewayadmin.Line) {
	r.Helper()
	if diff := cmp.Diff(want, next(), undated); diff != "" {
		r.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestPeopleAskWhoIsThere(t *testing.T) {
	r := startReaching(t, reachingBy(keptNowhere))
	ada, again, bob, nobody := r.come(0, "people", "ada"), r.come(0, "people", "ada"), r.come(1, "people", "bob"), r.come(0, "", "")
	for _, c := range []interface{ Send(...string) }{ada, bob, nobody} {
		c.Send(`421["join","hall"]`)
	}
	r.gets(ada, `431["done"]`)
	r.gets(bob, `431["done"]`)
	r.gets(nobody, `431["done"]`)
	r.hasNothing(again)

	var hall, all, far gatewayadmin.Members
	told := r.people(0, gatewayadmin.PathWho+"?namespace=/&room=hall", &hall)
	if strings.Contains(told, "token") || strings.Contains(told, "eaders") {
		t.Errorf("it has more of the handshake than it should: %s", told)
	}
	users := map[string]int{}
	for _, m := range hall.Members {
		users[m.Entry+"/"+m.User]++
		if m.Socket == "" || m.Transport != "websocket" || m.Address != "127.0.0.1" || m.Since.IsZero() || m.Rooms != 1 {
			t.Errorf("a member of the hall is %+v", m)
		}
	}
	if diff := cmp.Diff(map[string]int{"people/ada": 1, "/": 1}, users); diff != "" || hall.Total != 2 {
		t.Errorf("%d are in the hall: %s", hall.Total, diff)
	}
	r.people(0, gatewayadmin.PathWho+"?namespace=/&limit=1", &all)
	if all.Total != 3 || len(all.Members) != 1 {
		t.Errorf("of all, these are listed: %+v", all)
	}
	r.people(1, gatewayadmin.PathWho+"?namespace=/&room=hall", &far)
	if far.Total != 1 || far.Members[0].User != "bob" {
		t.Errorf("on the other gateway are %+v", far)
	}

	var rooms, people gatewayadmin.Top
	r.people(0, gatewayadmin.PathTop+"?of=rooms", &rooms)
	if diff := cmp.Diff(gatewayadmin.Top{Items: []gatewayadmin.Item{{Namespace: "/", Room: "hall", Sockets: 2}}, Total: 1}, rooms); diff != "" {
		t.Error(diff)
	}
	sensor := r.come(0, "devices", "ada")
	r.hasNothing(sensor)
	r.people(0, gatewayadmin.PathTop+"?of=users&limit=1", &people)
	if diff := cmp.Diff(gatewayadmin.Top{Items: []gatewayadmin.Item{{Entry: "people", User: "ada", Sockets: 2}}, Total: 2, Next: 1}, people); diff != "" {
		t.Error(diff)
	}
}

func TestPeopleEmitAndTail(t *testing.T) {
	for name, kind := range map[string]string{"kept": keptHere, "live": keptNowhere} {
		t.Run(name, func(t *testing.T) {
			r := startReaching(t, reachingBy(kind))
			ada, bob := r.come(0, "people", "ada"), r.come(1, "people", "bob")
			ada.Send(`421["join","hall"]`)
			r.gets(ada, `431["done"]`)
			here, end := r.lines(0, gatewayadmin.PathTail+"?namespace=/&room=hall&args=5")
			defer end()
			there, endThere := r.lines(1, gatewayadmin.PathTail+"?namespace=/")
			defer endThere()

			document := `{"event":"news","args":["spring is here"],"rooms":["hall"]}`
			var out bytes.Buffer
			if err := admin.Ask(t.Context(), r.admin[0], http.MethodPost, emitPath, strings.NewReader(document), &out); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(out.String()); got != `{"ok":true}` {
				t.Errorf("answered %s", got)
			}
			r.gets(ada, `42["news","spring is here"]`)
			r.wants("the tail of the room", here, gatewayadmin.Line{
				Kind: gatewayadmin.KindEmitted, Namespace: "/", Rooms: []string{"hall"}, Event: "news", Args: `["spr…`,
			})
			// What the other gateway emits, it tells, and who that is for stays a secret.
			bob.Send(`421["tell","ada",1]`)
			r.gets(bob, `431[]`)
			r.gets(ada, `42["told",1]`)
			r.wants("the tail of the namespace", there, gatewayadmin.Line{
				Kind: gatewayadmin.KindEmitted, Namespace: "/", Rooms: []string{"(a user)"}, Event: "told",
			})
			if _, body := get(t, r.pods[0].ops+"/metrics"); !strings.Contains(body, `realtime_publications_total{status="200",via="admin"} 1`) {
				t.Error("it is not counted")
			}
		})
	}
}

func TestATailLeavesOutWhatIsTooMuch(t *testing.T) {
	r := startReaching(t, reachingBy(keptNowhere))
	next, end := r.lines(0, gatewayadmin.PathTail+"?namespace=/&rate=2")
	defer end()
	told := make(chan struct{})
	var emitting sync.WaitGroup
	emitting.Go(func() {
		for {
			select {
			case <-told:
				return
			default:
			}
			if err := admin.Ask(t.Context(), r.admin[0], http.MethodPost, emitPath, strings.NewReader(`{"event":"e"}`), io.Discard); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for next().Missed == 0 {
	}
	close(told)
	emitting.Wait()
}

func TestPeopleTraceAUser(t *testing.T) {
	r := startReaching(t, reachingBy(keptNowhere))
	ada, sensor := r.come(0, "people", "ada"), r.come(0, "devices", "ada")
	r.hasNothing(ada, sensor)
	next, end := r.lines(0, gatewayadmin.PathTrace+"?user=ada&entry=people&args=100")
	defer end()
	connected := next()
	if connected.Kind != gatewayadmin.KindConnected || connected.Socket == "" || connected.Transport != "websocket" {
		t.Errorf("it begins with %+v", connected)
	}
	sensor.Send(`421["join","hall"]`)
	r.gets(sensor, `431["done"]`)
	ada.Send(`421["sync"]`, `42["renew_token","a secret"]`)
	r.gets(ada, `431[]`)
	r.wants("an event", next, gatewayadmin.Line{Kind: gatewayadmin.KindReceived, Namespace: "/", Transport: "websocket", Event: "sync", Args: "[]"})
	if err := admin.Ask(t.Context(), r.admin[0], http.MethodPost, emitPath, strings.NewReader(`{"event":"paid","args":[1],"users":["ada"],"entry":"people"}`), io.Discard); err != nil {
		t.Fatal(err)
	}
	ada.Receive()
	ada.Close()
	for {
		switch line := next(); {
		case line.Socket != connected.Socket:
			t.Errorf("it tells of another socket: %+v", line)
		case strings.Contains(line.Args, "secret"):
			t.Errorf("it shows a token: %+v", line)
		case line.Kind == gatewayadmin.KindDisconnected:
			if line.Reason == "" {
				t.Errorf("it does not say why: %+v", line)
			}
			return
		}
	}
}

func TestPeopleAreToldWhatIsWrong(t *testing.T) {
	r := startReaching(t, reachingBy(keptNowhere))
	for request, want := range map[string]string{
		"GET " + gatewayadmin.PathTop + "?of=things":              "of must be rooms or users",
		"GET " + gatewayadmin.PathTop + "?of=rooms&limit=0":       "limit=0: want a number between 1 and 10000",
		"GET " + gatewayadmin.PathTail + "?namespace=/&rate=2000": "rate=2000: want a number between 1 and 1000",
		"GET " + gatewayadmin.PathTrace:                           "user is missing",
		"GET /nothing":                                            "404",
		"POST " + emitPath:                                        `\"event\" is missing`,
		"POST /v1/revocations":                                    "no spec.revocation",
	} {
		method, path, _ := strings.Cut(request, " ")
		err := admin.Ask(t.Context(), r.admin[0], method, path, strings.NewReader("{}"), io.Discard)
		var refused *admin.RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", request, err, want)
		}
	}
	if err := admin.Ask(t.Context(), "@realtime-test-nobody", http.MethodGet, "/status", nil, io.Discard); err == nil || !strings.Contains(err.Error(), "if it runs in this container") {
		t.Errorf("without a gateway: %v", err)
	}
}

func TestFewPeopleLookAtTheSameTime(t *testing.T) {
	r := startReaching(t, reachingBy(keptNowhere))
	path := gatewayadmin.PathTail + "?" + url.Values{"namespace": {"/"}}.Encode()
	var first func()
	for range 8 {
		_, end := r.lines(0, path)
		defer end()
		first = end
	}
	if err := admin.Ask(t.Context(), r.admin[0], http.MethodGet, path, nil, io.Discard); err == nil || !strings.Contains(err.Error(), "others look") {
		t.Errorf("one more: %v", err)
	}
	first()
	eventually(t, "somebody else may look", func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		return admin.Ask(ctx, r.admin[0], http.MethodGet, path, nil, writing(cancel)) == nil
	})
}

// writing is a writer that calls a function when something is written.
type writing func()

func (w writing) Write(data []byte) (int, error) {
	w()
	return len(data), nil
}
