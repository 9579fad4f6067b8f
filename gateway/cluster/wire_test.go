// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
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

func TestTheAnnouncementOfDeltasStaysAsItIs(t *testing.T) {
	fields := peerFields{address: "10.0.0.1:7443", deltas: true}
	data := goldentest.Sample(t, goldentest.Read(t, "testdata/wire/v1/peer.txt"), "deltas")
	if got := fields.append([]byte("agateway1")); !bytes.Equal(got, data) {
		t.Errorf("fields written as %q, want %q", got, data)
	}
	if got, err := decodePeerFields(data[1+wire.GatewayIDLength:]); err != nil || got != fields {
		t.Errorf("fields read as %+v, %v", got, err)
	}
}
