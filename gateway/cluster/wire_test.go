// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
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
	cmp.AllowUnexported(request{}, peerFields{}), cmpopts.IgnoreUnexported(socketio.Delivery{}),
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
	requests := goldenRequests()
	samples := golden(t, firstRelease, "request", len(requests))
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

func TestPeerFieldsOfThisReleaseAreReadAndWritten(t *testing.T) {
	want := peerFields{address: "10.0.0.1:7443", revision: "5d4f", leaving: true, server: "NDJ2VYFQ", deltas: true}
	data := goldentest.Sample(t, golden(t, thisRelease, "peer", 2), "everything")
	if got := want.append(append([]byte{peerAlive}, "gateway1"...)); !bytes.Equal(got, data) {
		t.Errorf("written as %q, want %q", got, data)
	}
	got, err := decodePeerFields(data[1+wire.GatewayIDLength:])
	if diff := cmp.Diff(want, got, compareWire); err != nil || diff != "" {
		t.Errorf("%v, fields (-want +got):\n%s", err, diff)
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

// What a later release adds to peer fields differs from what d35c2bb wrote, so that these are read
// alone.
func TestPeerFieldsOfTheFirstReleaseAreRead(t *testing.T) {
	fields := map[string]peerFields{
		"nothing":    {},
		"address":    {address: "[fd00::1]:7443"},
		"everything": {address: "10.0.0.1:7443", revision: "5d4f", leaving: true},
	}
	samples := golden(t, firstRelease, "peer", len(fields))
	for name, want := range fields {
		for rest, data := range map[string][]byte{
			"":                  goldentest.Sample(t, samples, name),
			", and a later one": append(goldentest.Sample(t, samples, name), laterField...),
		} {
			if word, id := data[0], string(data[1:1+wire.GatewayIDLength]); word != peerAlive || id != "gateway1" {
				t.Errorf("%s: %c of %s", name, word, id)
			}
			got, err := decodePeerFields(data[1+wire.GatewayIDLength:])
			if diff := cmp.Diff(want, got, compareWire); err != nil || diff != "" {
				t.Errorf("%s%s: %v, fields (-want +got):\n%s", name, rest, err, diff)
			}
		}
	}
}

func TestSessionRecordsOfTheFirstReleaseAreRead(t *testing.T) {
	records := map[string]*record{
		"connected": {
			SocketID: "gateway1AAAAAAAAAAAA", Namespace: "/", Gateway: "gateway1", By: "writer01",
			Rooms: map[string]uint64{"gateway1AAAAAAAAAAAA": 0},
		},
		"everything": {
			SocketID: "gateway1AAAAAAAAAAAA", Namespace: "/n", Gateway: "gateway2", By: "writer02", Floor: 1 << 53,
			Rooms: map[string]uint64{"a": 1<<53 + 1, "大厅": 0}, Left: map[string]span{"b": {After: 3, UpTo: 0}},
			Data: []byte(`{"n":9007199254740993}`), Gone: 1764460800000,
		},
		"ended": {
			SocketID: "gateway1AAAAAAAAAAAA", Namespace: "/", Gateway: "gateway1", Floor: 9,
			Rooms: map[string]uint64{}, Ended: true,
		},
	}
	samples := golden(t, firstRelease, "session", len(records))
	later := strings.NewReplacer(`{"sid"`, `{"later":{"sid":"no"},"sid"`, `{"after"`, `{"later":[1],"after"`)
	for name, want := range records {
		data := goldentest.Sample(t, samples, name)
		for rest, data := range map[string][]byte{"": data, ", and later members": []byte(later.Replace(string(data)))} {
			got, err := decodeRecord(data)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s%s: %v, session (-want +got):\n%s", name, rest, err, diff)
			}
		}
	}
}

func TestFencesOfTheFirstReleaseAreRead(t *testing.T) {
	samples := golden(t, firstRelease, "fence", 1)
	data := goldentest.Sample(t, samples, "taken over")
	for rest, data := range map[string][]byte{"": data, ", and a later one": append(data, ".more.of it"...)} {
		if pid, number := decodeFence(data); pid != "private-id-of-a-session" || number != 1<<53+1 {
			t.Errorf("fence%s: %s, %d", rest, pid, number)
		}
	}
}

func TestWordsOfALostLogAreReadAndWritten(t *testing.T) {
	words := map[string]restartWord{
		"beyond":     {Gateway: "gateway1", Log: "mx2htbrk", Beyond: map[string]uint64{"1b2kd0w9s3f4x": 4715}},
		"everything": {Gateway: "gateway1", Log: "mx2htbrk", All: 1<<53 + 1},
		"new":        {Gateway: "gateway1", Log: "mx2htbrk", Stored: true},
		"position":   {Gateway: "gateway1", Log: "mx2htbrk", Position: 1<<53 + 1, Stored: true},
	}
	samples := golden(t, thisRelease, "restart", len(words))
	later := strings.NewReplacer(`{"gw"`, `{"later":{"gw":"no"},"gw"`)
	for name, want := range words {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %s, want %s", name, got, data)
		}
		for rest, data := range map[string][]byte{"as it is": data, "with later members": []byte(later.Replace(string(data)))} {
			var got restartWord
			err := json.Unmarshal(data, &got)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, %s: %v, word (-want +got):\n%s", name, rest, err, diff)
			}
		}
	}
}
