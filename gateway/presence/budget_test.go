// SPDX-License-Identifier: Apache-2.0

package presence_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/presence"
)

// crowded is a tracker that knows of many members of a room, with the largest infos, on other
// gateways. most is the most that they have taken.
func crowded(t *testing.T, b *presence.Budget, gateways, each int) (tracker *presence.Tracker, most int64) {
	t.Helper()
	checkNothingIsLeft(t)
	n := newNetwork(1)
	t.Cleanup(n.close)
	tracker = n.add(t, "here")
	tracker.Configure(presence.Config{Tracks: everyRoom, Budget: b})
	tracker.Enter("here-0", "room")
	wiretest.Await(t, "the room", func() bool { return len(idsOf(tracker)) == 1 })
	info := `"` + strings.Repeat("x", presence.MaxInfo-2) + `"`
	for g := range gateways {
		ids := make([]string, each)
		for i := range ids {
			ids[i] = fmt.Sprintf("g%d-%06d", g, i)
		}
		for _, packet := range presence.Snapshot(fmt.Sprintf("g%d", g), "room", 7, info, ids...) {
			if err := tracker.Receive(packet); err != nil {
				t.Fatal(err)
			}
			most = max(most, b.Used())
		}
	}
	return tracker, most
}

// testBudget is enough for 256 of the largest infos in a room.
const testBudget = 1 << 20

func TestInfosOfManyMembersAreBounded(t *testing.T) {
	b := presence.NewBudget(testBudget)
	const gateways, each = 10, 10_000
	tracker, most := crowded(t, b, gateways, each)
	if most > testBudget/4 {
		t.Errorf("infos of a room have taken %d bytes, and may take %d", most, testBudget/4)
	}
	if p := tracker.Held("room", "", 0); p.Count != gateways*each+1 {
		t.Errorf("%d members are known, want %d", p.Count, gateways*each+1)
	}
	if used := b.Used(); used < testBudget/4-presence.MaxInfo {
		t.Errorf("infos take %d bytes, though there is room for %d", used, testBudget/4)
	}
	if n := b.Refused(); n < gateways*each-256 {
		t.Errorf("%d infos are left out", n)
	}
	for g := range gateways {
		tracker.Lost(fmt.Sprintf("g%d", g))
	}
	if used := b.Used(); used != 0 {
		t.Errorf("%d bytes are taken by nobody", used)
	}
}

func TestInfosOfARoomThatEndsAreGivenBack(t *testing.T) {
	for name, end := range map[string]func(*presence.Tracker){
		"the last member leaves": func(tracker *presence.Tracker) { tracker.Leave("here-0", "room") },
		"it has no presence":     func(tracker *presence.Tracker) { tracker.Configure(presence.Config{}) },
		"the namespace ends":     func(tracker *presence.Tracker) { tracker.Closed() },
	} {
		t.Run(name, func(t *testing.T) {
			b := presence.NewBudget(testBudget)
			tracker, _ := crowded(t, b, 1, 100)
			if b.Used() == 0 {
				t.Error("infos take nothing")
			}
			end(tracker)
			wiretest.Await(t, "all to be given back", func() bool { return b.Used() == 0 })
		})
	}
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	const members = 600
	tracker, _ := crowded(t, presence.NewBudget(4*members*presence.MaxInfo), 1, members-1)
	var ids []string
	pages := 0
	for after := ""; ; pages++ {
		p := tracker.Held("room", after, presence.MaxPage)
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(text) > 132<<10 {
			t.Errorf("a page has %d bytes", len(text))
		}
		for _, m := range p.Members {
			ids = append(ids, m.ID)
		}
		if after = p.Next; after == "" {
			break
		}
	}
	if pages < 4 || len(ids) != members || !slices.IsSorted(ids) || len(slices.Compact(ids)) != members {
		t.Errorf("%d members on %d pages", len(ids), pages+1)
	}
}

func TestAPageEndsWhereThatOfAGatewayDoes(t *testing.T) {
	page := func(next string, ids ...string) presence.Page {
		p := presence.Page{Count: 10, Next: next}
		for _, id := range ids {
			p.Members = append(p.Members, presence.Member{ID: id})
		}
		return p
	}
	for name, test := range map[string]struct {
		pages []presence.Page
		limit int
		want  string
	}{
		"all are there":                        {[]presence.Page{page("", "a", "c"), page("", "b")}, 5, "a b c, next "},
		"one has more than fits":               {[]presence.Page{page("c", "a", "c"), page("", "b", "d")}, 5, "a b c, next c"},
		"two have":                             {[]presence.Page{page("d", "a", "d"), page("b", "b")}, 5, "a b, next b"},
		"the limit comes first":                {[]presence.Page{page("d", "a", "d"), page("", "b")}, 2, "a b, next b"},
		"a gateway has more, and this is full": {[]presence.Page{page("b", "a", "b"), page("", "c")}, 2, "a b, next b"},
		"they are counted only":                {[]presence.Page{page("", "a"), page("")}, 0, ", next "},
	} {
		t.Run(name, func(t *testing.T) {
			got := presence.Merge(test.pages, "room", test.limit)
			var ids []string
			for _, m := range got.Members {
				ids = append(ids, m.ID)
			}
			if text := strings.Join(ids, " ") + ", next " + got.Next; text != test.want {
				t.Errorf("the page has %s, want %s", text, test.want)
			}
			if got.Count != 20 {
				t.Errorf("it counts %d", got.Count)
			}
		})
	}
}
