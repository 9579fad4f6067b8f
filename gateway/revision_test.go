// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const editing = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: editing}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: doc-secret, ordering: room, history: {maxMessages: 5, maxAge: 1h}, allow: {emit: "false", history: "false"}}
    - {name: "doc-{n}", ordering: room, history: {maxMessages: 5, maxAge: 1h, onJoin: false}}
    handlers:
    - {event: open, do: [{join: "args[0]"}, {ack: "[]"}]}
    - event: edit
      do:
      - emit: {to: others, rooms: ["args[0]"], event: edited, args: "[args[2]]", ifRevision: "args[1]"}
      - ack: "[revision]"
    - event: all
      do: [{emit: {rooms: ["['doc-1', 'doc-2']"], event: notice}}, {ack: "[]"}]
    - event: skipped
      do:
      - {when: "false", emit: {rooms: ["args[0]"], event: edited, ifRevision: "0"}}
      - ack: "[revision]"
    - event: since
      do: [{history: {room: "args[0]", after: "args[1]", limit: 2}}]
`

// edited edits, and returns the revision, or the newest one of a conflict.
func edited(t *testing.T, answer string) (revision uint64, conflict bool) {
	t.Helper()
	var refused []struct {
		Error struct {
			Code     string
			Revision uint64
		}
	}
	var stored []uint64
	switch {
	case json.Unmarshal([]byte(answer), &stored) == nil && len(stored) == 1:
		return stored[0], false
	case json.Unmarshal([]byte(answer), &refused) == nil && len(refused) == 1 && refused[0].Error.Code == "conflict":
		return refused[0].Error.Revision, true
	}
	t.Fatalf("an edit is answered %s", answer)
	return 0, false
}

func edit(room string, based uint64, text string) string {
	return fmt.Sprintf(`["edit",%q,%d,%q]`, room, based, text)
}

// Of edits on two gateways that are based on the same revision, exactly one is stored.
func TestOfTwoEditsOfOneRevisionOneIsStored(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, editing)
	editors := comers(t, 4, a, b)
	reader := comers(t, 1, b)[0]
	expectAnswer(t, reader, `["open","doc-1"]`, `[]`)
	based := uint64(0)
	for round := range 20 {
		for i, c := range editors {
			c.Send("421" + edit("doc-1", based, fmt.Sprintf("%d by %d", round, i)))
		}
		var revisions, newest []uint64
		winner := ""
		for i, c := range editors {
			answer, ok := strings.CutPrefix(c.Receive(), "431")
			if !ok {
				t.Fatal("no acknowledgement")
			}
			revision, conflict := edited(t, answer)
			if conflict {
				newest = append(newest, revision)
				continue
			}
			revisions = append(revisions, revision)
			winner = fmt.Sprintf("%d by %d", round, i)
		}
		if len(revisions) != 1 {
			t.Fatalf("%d edits of revision %d are stored", len(revisions), based)
		}
		for _, n := range newest {
			if n != revisions[0] {
				t.Errorf("a conflict names revision %d, and the newest is %d", n, revisions[0])
			}
		}
		// Everybody else sees the edit that was stored, with its revision, and no other.
		want := fmt.Sprintf(`42["edited",%q,{"revision":%d}]`, winner, revisions[0])
		if got := withoutOffset(t, reader.Receive()); got != want {
			t.Errorf("the reader sees %s, want %s", got, want)
		}
		based = revisions[0]
	}
}

func TestWhatARevisionIsComparedWith(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, editing)
	ada, bob := comers(t, 1, a)[0], comers(t, 1, b)[0]
	first, conflict := edited(t, askClient(ada, edit("doc-1", 0, "first")))
	if conflict {
		t.Fatal("the first edit is none")
	}
	for name, based := range map[string]uint64{"no revision": 0, "an older one": first - 1, "one that nobody has seen": first + 1} {
		if newest, conflict := edited(t, askClient(bob, edit("doc-1", based, name))); !conflict || newest != first {
			t.Errorf("%s: %d, %t, and the newest is %d", name, newest, conflict, first)
		}
	}
	// Other rooms, and events to several, have no part in it.
	if _, conflict := edited(t, askClient(bob, edit("doc-2", 0, "another"))); conflict {
		t.Error("another room is not empty")
	}
	expectAnswer(t, bob, `["all"]`, `[]`)
	second, conflict := edited(t, askClient(bob, edit("doc-1", first, "second")))
	if conflict || second <= first {
		t.Errorf("%d, %t after %d", second, conflict, first)
	}
	expectAnswer(t, bob, `["skipped","doc-1"]`, `[0]`)
	forbidden := `[{"error":{"code":"forbidden","rule":"rooms[0].allow.%s"}}]`
	expectAnswer(t, bob, edit("doc-secret", 5, "x"), fmt.Sprintf(forbidden, "emit"))
	expectAnswer(t, bob, `["since","doc-secret",0]`, fmt.Sprintf(forbidden, "history"))
	failed := `[{"error":"the service could not handle the event"}]`
	expectAnswer(t, bob, `["edit","elsewhere",0,""]`, failed)
	expectAnswer(t, bob, `["edit",["doc-1","doc-2"],0,""]`, failed)
	expectAnswer(t, bob, `["edit","doc-1","x",""]`, failed)
}

func TestTheHistorySinceARevision(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, editing)
	ada, bob := comers(t, 1, a)[0], comers(t, 1, b)[0]
	revisions := []uint64{0}
	for i := range 4 {
		revision, conflict := edited(t, askClient(ada, edit("doc-1", revisions[i], fmt.Sprint(i+1))))
		if conflict {
			t.Fatal("a conflict")
		}
		revisions = append(revisions, revision)
	}
	since := func(c *wiretest.Client, revision uint64) (texts string, next uint64, gap bool) {
		t.Helper()
		var pages []struct {
			Events []struct {
				Args     []string
				Revision uint64
			}
			Next uint64
			Gap  bool
		}
		answer := askClient(c, fmt.Sprintf(`["since","doc-1",%d]`, revision))
		if err := json.Unmarshal([]byte(answer), &pages); err != nil || len(pages) != 1 {
			t.Fatalf("%s: %v", answer, err)
		}
		for _, e := range pages[0].Events {
			texts += e.Args[0]
		}
		return texts, pages[0].Next, pages[0].Gap
	}
	for _, test := range []struct {
		after uint64
		texts string
		next  uint64
		gap   bool
	}{
		{0, "12", revisions[2], false},
		{revisions[2], "34", 0, false},
		{revisions[3], "4", 0, false},
		{revisions[4], "", 0, false},
		{revisions[1] - 1, "12", revisions[2], true},
	} {
		if texts, next, gap := since(bob, test.after); texts != test.texts || next != test.next || gap != test.gap {
			t.Errorf("after %d: %q, next %d, gap %t; want %+v", test.after, texts, next, gap, test)
		}
	}
	// The oldest events are dropped, and who needs them is told.
	for i := range 3 {
		revision, _ := edited(t, askClient(ada, edit("doc-1", revisions[4+i], fmt.Sprint(5+i))))
		revisions = append(revisions, revision)
	}
	if texts, _, gap := since(bob, revisions[1]); texts != "34" || !gap {
		t.Errorf("%q, gap %t", texts, gap)
	}
}
