// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// laterField is a field of a later release, with a number that takes two bytes.
var laterField = []byte{0xff, 0x01, 3, 1, 2, 3}

// The folders of golden files, by the release that wrote them.
const (
	firstRelease = "v0" // d35c2bb
	thisRelease  = "v1"
)

func golden(t *testing.T, release, format string, samples int) map[string][]byte {
	t.Helper()
	all := goldentest.Read(t, "testdata/wire/"+release+"/"+format+".txt")
	if len(all) != samples {
		t.Fatalf("%d golden samples of a %s, and %d are tested", len(all), format, samples)
	}
	return all
}

var compareWire = cmp.Options{
	cmp.AllowUnexported(request{}), cmpopts.IgnoreUnexported(socketio.Delivery{}),
	cmpopts.EquateEmpty(),
}

// A release that adds flags has a flags byte in front of its fields, be it 0.
func TestFieldsOfALaterReleaseInRequestsAreIgnored(t *testing.T) {
	for name, want := range goldenRequests() {
		got, err := decodeRequest(append(append(want.encode(), 0), laterField...))
		if diff := cmp.Diff(&want, got, compareWire); err != nil || diff != "" {
			t.Errorf("%s: %v, request (-want +got):\n%s", name, err, diff)
		}
	}
}

func goldenRequests() map[string]request {
	target := socketio.Target{Rooms: []string{"r"}, Except: []string{"x"}}
	return map[string]request{
		"ask": {kind: requestAsk, id: 300, from: "gateway1", namespace: "/n", delivery: socketio.Delivery{
			Text: []byte(`2["e"]`), Attachments: [][]byte{{1}}, Target: target,
		}},
		"stop":             {kind: requestStop, id: 300, from: "gateway1"},
		"fetch":            {kind: requestFetch, id: 1, from: "gateway1", namespace: "/", delivery: socketio.Delivery{Target: target}},
		"join":             {kind: requestJoin, id: 2, from: "gateway1", namespace: "/", rooms: []string{"a", ""}, delivery: socketio.Delivery{Target: target}},
		"leave":            {kind: requestLeave, id: 3, from: "gateway1", namespace: "/", rooms: []string{"a"}, delivery: socketio.Delivery{Target: target}},
		"disconnect":       {kind: requestDisconnect, id: 4, from: "gateway1", namespace: "/"},
		"close":            {kind: requestClose, id: 5, from: "gateway1", namespace: "/"},
		"server-side":      {kind: requestServerSide, from: "gateway1", namespace: "/", event: "e", delivery: socketio.Delivery{Text: []byte("[1]")}},
		"server-side, ack": {kind: requestServerSideAck, id: 6, from: "gateway1", namespace: "/", event: "e", delivery: socketio.Delivery{Text: []byte("[]")}},
		"presence":         {kind: requestPresence, id: 7, from: "gateway1", namespace: "/", event: "q", rooms: []string{"a"}, count: 1000},
		"answer count":     {kind: answerCount, id: 300, from: "gateway2", count: 12},
		"answer ack":       {kind: answerAck, id: 300, from: "gateway2", delivery: socketio.Delivery{Text: []byte(`["yes"]`)}},
		"answer gone":      {kind: answerGone, id: 300, from: "gateway2"},
		"answer part":      {kind: answerPart, id: 1, from: "gateway2", delivery: socketio.Delivery{Text: []byte(`[{"id":"a"}]`)}},
		"answer done":      {kind: answerDone, id: 1, from: "gateway2"},
	}
}

func TestRequestsOfTheFirstReleaseAreReadAndWritten(t *testing.T) {
	compareRequests(t, firstRelease, goldenRequests())
}

func TestRequestsOfThisReleaseAreReadAndWritten(t *testing.T) {
	compareRequests(t, thisRelease, map[string]request{
		"count": {
			kind: requestFetch, id: 1, from: "gateway1", namespace: "/", count: fetchCount,
			delivery: socketio.Delivery{Target: socketio.Target{Rooms: []string{"r"}, Except: []string{"x"}}},
		},
		"ask of users": {kind: requestAsk, id: 300, from: "gateway1", namespace: "/n", delivery: socketio.Delivery{
			Text: []byte(`2["e"]`), Target: socketio.Target{Rooms: []string{"\x00user:a"}},
		}},
		"answer number": {kind: answerPart, id: 1, from: "gateway2", delivery: socketio.Delivery{Text: []byte("3")}},
	})
}

// A gateway of the first release describes the sockets that it is to count.
func TestAnswersOfTheFirstReleaseAreCounted(t *testing.T) {
	samples := golden(t, firstRelease, "request", len(goldenRequests()))
	answer, err := decodeRequest(goldentest.Sample(t, samples, "answer part"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := countPart(answer.args().JSON); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for part, want := range map[string]int{"0": 0, "12": 12, "[]": 0, `[{"id":"a"},{"id":"b"}]`: 2} {
		if n, err := countPart([]byte(part)); n != want || err != nil {
			t.Errorf("%s: %d, %v", part, n, err)
		}
	}
	for _, part := range []string{"", "-1", "{}", "1.5", "[", "99999999999"} {
		if n, err := countPart([]byte(part)); err == nil {
			t.Errorf("%q is taken for %d sockets", part, n)
		}
	}
}

func compareRequests(t *testing.T, release string, requests map[string]request) {
	t.Helper()
	samples := golden(t, release, "request", len(requests))
	for name, want := range requests {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		got, err := decodeRequest(data)
		if diff := cmp.Diff(&want, got, compareWire); err != nil || diff != "" {
			t.Errorf("%s: %v, request (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestEchoesOfThisReleaseAreReadAndWritten(t *testing.T) {
	servers := map[string]string{"question": "", "answer": "NDJ2VYFQ"}
	samples := golden(t, thisRelease, "echo", len(servers))
	for name, want := range servers {
		data := goldentest.Sample(t, samples, name)
		if got := encodeEcho("gateway1", 300, want); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		for rest, data := range map[string][]byte{"": data, ", and a later field": append(data, laterField...)} {
			gateway, number, server, err := decodeEcho(data)
			if err != nil || gateway != "gateway1" || number != 300 || server != want {
				t.Errorf("%s%s: %s, %d, %q, %v", name, rest, gateway, number, server, err)
			}
		}
	}
}
