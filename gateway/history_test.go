// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const remembering = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: remembering}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: lobby, autoJoin: true, ordering: room, history: {maxMessages: 3, maxAge: 1h}}
    - {name: "quiet-*", history: {maxMessages: 10, maxAge: 1h, onJoin: false}, presence: true}
    handlers:
    - event: enter
      do: [{join: "args[0]"}, {set: {entered: "args[0]"}}]
    - event: say
      do: [{emit: {rooms: ["args[0]"], event: said, args: "[args[1]]"}}, {ack: "['stored']"}]
    - event: past
      do: [{history: {room: "args[0]", limit: 2, before: "args[1]"}}]
    - event: who
      do: [{presence: {room: "args[0]"}}]
    - event: mine
      do: [{ack: "[socket.data.entered, socket.recovered]"}]
`

// withoutOffset takes the offset off an event.
func withoutOffset(t *testing.T, packet string) string {
	t.Helper()
	cut := regexp.MustCompile(`,"[0-9a-z]+\.[0-9a-z]+"\]$`)
	if !cut.MatchString(packet) {
		t.Fatalf("%s has no offset", packet)
	}
	return cut.ReplaceAllString(packet, "]")
}

// welcomed connects, and returns the ids of the answer.
func welcomed(t *testing.T, c *wiretest.Client, auth string) (sid, pid string) {
	t.Helper()
	c.Send("40" + auth)
	var ids struct{ SID, PID string }
	if err := json.Unmarshal([]byte(strings.TrimPrefix(c.Receive(), "40")), &ids); err != nil || ids.PID == "" {
		t.Fatalf("the answer has no pid: %+v, %v", ids, err)
	}
	return ids.SID, ids.PID
}

func TestRoomsRemember(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, remembering)
	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	welcomed(t, ada, "")
	revision := regexp.MustCompile(`\{"revision":(\d+)\}`)
	for _, text := range []string{"one", "two", "three", "four"} {
		ada.Send(`421["say","lobby","` + text + `"]`)
		got := withoutOffset(t, ada.Receive())
		if want := `42["said","` + text + `",`; !strings.HasPrefix(got, want) || !revision.MatchString(got) {
			t.Fatalf("received %s, want %s and a revision", got, want)
		}
		ada.Expect(`431["stored"]`) // behind what it says is stored
	}

	bob := wiretest.Dial(t, b.clients, enginePath, "", nil)
	welcomed(t, bob, "")
	var revisions []string
	for _, text := range []string{"two", "three", "four"} {
		got := withoutOffset(t, bob.Receive())
		if !strings.HasPrefix(got, `42["said","`+text+`",`) {
			t.Fatalf("the history has %s, want %s", got, text)
		}
		revisions = append(revisions, revision.FindStringSubmatch(got)[1])
	}
	event := func(i int, text string) string {
		return `{"args":["` + text + `"],"event":"said","revision":` + revisions[i] + `,"time":T}`
	}
	page := func(answer string) string {
		return regexp.MustCompile(`"time":"[^"]+"`).ReplaceAllString(answer, `"time":T`)
	}
	bob.Send(`422["past","lobby",null]`)
	if got, want := page(bob.Receive()), `432[{"events":[`+event(1, "three")+`,`+event(2, "four")+`],"next":`+revisions[1]+`,"room":"lobby"}]`; got != want {
		t.Errorf("the first page is\n%s, want\n%s", got, want)
	}
	bob.Send(`423["past","lobby",` + revisions[1] + `]`)
	if got, want := page(bob.Receive()), `433[{"events":[`+event(0, "two")+`],"next":null,"room":"lobby"}]`; got != want {
		t.Errorf("the second page is\n%s, want\n%s", got, want)
	}
	bob.Send(`424["past","elsewhere",0]`)
	bob.Expect(`434[{"error":"the service could not handle the event"}]`)
}

func TestARecoveredClientIsPresentAgainWithItsData(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	svc, err := manifest.Load(t.Context(), []byte(remembering))
	if err != nil {
		t.Fatal(err)
	}
	a := startWith(t, nats.ClientURL(), 0, render(t, svc))
	b := startWith(t, nats.ClientURL(), 0, render(t, svc))
	await(t, a.ops+"/readyz", ready)
	await(t, b.ops+"/readyz", ready)
	ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
	sid, pid := welcomed(t, ada, "")
	ada.Send(`421["enter","quiet-1"]`)
	for !strings.HasPrefix(ada.Receive(), "431") { // the state of the room may come before
	}
	ada.Close()

	again := wiretest.Dial(t, b.clients, enginePath, "", nil)
	if sid2, pid2 := welcomed(t, again, `{"pid":"`+pid+`"}`); sid2 != sid || pid2 != pid {
		t.Fatalf("welcomed as %s, was %s", sid2, sid)
	}
	again.Send(`421["mine"]`)
	answer := again.Receive()
	for strings.HasPrefix(answer, "42[") {
		answer = again.Receive()
	}
	if answer != `431["quiet-1",true]` {
		t.Errorf("its data and state are %s", answer)
	}
	eventually(t, "it is present once", func() bool {
		again.Send(`422["who","quiet-1"]`)
		answer := again.Receive()
		for strings.HasPrefix(answer, "42[") {
			answer = again.Receive()
		}
		return strings.Contains(answer, `"count":1,"members":[{"id":"`+sid+`"}]`)
	})
}
