// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

func TestASerialNumberIsTakenOnce(t *testing.T) {
	var w window
	for _, c := range []struct {
		serial uint64
		want   bool
	}{
		{1, true},
		{1, false},
		{3, true},
		{2, true},
		{3, false},
		{windowBits, true},
		{2, false},
		{windowBits + 2, true},
		{3, false},
		{4, true},
		{windowBits + 1, true},
		{windowBits + 1, false},
		{10 * windowBits, true},
		{9*windowBits + 1, true},
		{9*windowBits + 1, false},
		{10 * windowBits, false},
	} {
		if got := w.add(c.serial); got != c.want {
			t.Errorf("serial %d: first %t, want %t", c.serial, got, c.want)
		}
	}
}

func TestTheEndOfTheLogIsKnownBySubject(t *testing.T) {
	var l tail
	for i := range uint64(tailSize) {
		l.add(fmt.Sprint("s", i%10), i+1, []string{"", "other"}[i%2])
	}
	every := func(string) bool { return true }
	if beyond, _ := l.beyond(tailSize-2, func(publisher string) bool { return publisher == "" }); len(beyond) != 1 {
		t.Errorf("of one publisher: %v, want one subject", beyond)
	}
	beyond, all := l.beyond(tailSize-2, every)
	if want := map[string]uint64{subjectHash("s4"): tailSize - 1, subjectHash("s5"): tailSize}; all != 0 || fmt.Sprint(beyond) != fmt.Sprint(want) {
		t.Errorf("%v and %d, want %v", beyond, all, want)
	}
	l.add("more", tailSize+1, "") // in place of the first
	if _, all := l.beyond(1, every); all != 0 {
		t.Errorf("all up to %d, want names", all)
	}
	if beyond, all := l.beyond(0, every); all != tailSize+1 {
		t.Errorf("%v and %d, want all", beyond, all)
	}
}

func TestGatewaysThatAreGoneAreForgottenBeforeThoseThatLive(t *testing.T) {
	s := newSerials(wire.LiveRoot+"chat.acks.self.", "self", func() []string { return []string{"lives"} })
	for _, id := range []string{"lives", "goes"} {
		s.first("chat.acks." + id + ".1")
	}
	for i := range windowsKept {
		s.first(fmt.Sprintf("chat.acks.gone%d.1", i))
	}
	if s.first("chat.acks.lives.1") {
		t.Error("what a gateway that lives had stored is taken for new")
	}
	s.first("chat.acks.next.1")
	if _, there := s.windows["goes"]; there || len(s.windows) > windowsKept+2 {
		t.Errorf("%d windows are kept, that of the gateway used least recently: %t", len(s.windows), there)
	}
	for range 2 {
		if !s.first("somebody else's id") {
			t.Error("a message of nobody is taken for one that was delivered")
		}
	}
}

// Since the limit of messages was raised, fewer may have been kept until then.
func TestARaisedLimitCountsOnlyAfterTheRetention(t *testing.T) {
	now := time.Now()
	ms := func(d time.Duration) string { return fmt.Sprint(now.Add(d).UnixMilli()) }
	for since, want := range map[string]bool{
		limitFromStart: true, ms(-time.Hour): true, ms(-time.Second): false, ms(time.Hour): false, "": false, "soon": false,
	} {
		if got := limitHolds(since, now.Add(-time.Minute)); got != want {
			t.Errorf("since %q: %t, want %t", since, got, want)
		}
	}
}

func TestQuorumIsMoreThanHalf(t *testing.T) {
	replicas := func(offline ...bool) (all []*jetstream.PeerInfo) {
		for _, o := range offline {
			all = append(all, &jetstream.PeerInfo{Offline: o})
		}
		return all
	}
	for name, tt := range map[string]struct {
		cluster *jetstream.ClusterInfo
		ok      bool
	}{
		"a single server":               {nil, true},
		"one replica in a cluster":      {&jetstream.ClusterInfo{Leader: "a"}, true},
		"three":                         {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(false, false)}, true},
		"two of three":                  {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, false)}, true},
		"one of three":                  {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, true)}, false},
		"two of four":                   {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, true, false)}, false},
		"three of five":                 {&jetstream.ClusterInfo{Leader: "a", Replicas: replicas(true, true, false, false)}, true},
		"all of three without a leader": {&jetstream.ClusterInfo{Replicas: replicas(false, false)}, false},
	} {
		if err := quorumOf(tt.cluster); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWordsOfALostLogAreReadAndWritten(t *testing.T) {
	words := map[string]restartNotice{
		"beyond":     {Gateway: "gateway1", Log: "mx2htbrk", Beyond: map[string]uint64{"1b2kd0w9s3f4x": 4715}},
		"everything": {Gateway: "gateway1", Log: "mx2htbrk", All: 1<<53 + 1},
		"new":        {Gateway: "gateway1", Log: "mx2htbrk", Stored: true},
		"position":   {Gateway: "gateway1", Log: "mx2htbrk", Position: 1<<53 + 1, Stored: true},
	}
	samples := goldentest.Read(t, "testdata/wire/v1/restart.txt")
	if len(samples) != len(words) {
		t.Fatalf("%d golden samples, and %d are tested", len(samples), len(words))
	}
	later := strings.NewReplacer(`{"gw"`, `{"later":{"gw":"no"},"gw"`)
	for name, want := range words {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %s, want %s", name, got, data)
		}
		for rest, data := range map[string][]byte{"as it is": data, "with later members": []byte(later.Replace(string(data)))} {
			var got restartNotice
			err := json.Unmarshal(data, &got)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, %s: %v, word (-want +got):\n%s", name, rest, err, diff)
			}
		}
	}
}
