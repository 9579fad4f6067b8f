// SPDX-License-Identifier: Apache-2.0

package recovery

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/goldentest"
)

func golden(t *testing.T, release, format string, samples int) map[string][]byte {
	t.Helper()
	all := goldentest.Read(t, "testdata/wire/"+release+"/"+format+".txt")
	if len(all) != samples {
		t.Fatalf("%d golden samples of a %s, and %d are tested", len(all), format, samples)
	}
	return all
}

// A session that has left and come back is not ended by the word of the gateway where it was
// between.
func TestLateFenceEndsNoLaterSession(t *testing.T) {
	sessions := New(t.Context(), nil, nil, Config{})
	n := &session{pid: "pid", machine: machine{state: kept}, chain: chain{last: 8}}
	sessions.add(n)
	for _, number := range []uint64{7, 8} {
		sessions.Fenced(&nats.Msg{Data: encodeFence("pid", number)})
	}
	if sessions.find("pid") != n {
		t.Error("the session is gone")
	}
}

func TestFence(t *testing.T) {
	for data, want := range map[string]uint64{
		string(encodeFence("pid", 12)): 12,
		"pid":                          math.MaxUint64,
		"pid.x":                        math.MaxUint64,
	} {
		if pid, number := decodeFence([]byte(data)); pid != "pid" || number != want {
			t.Errorf("%s: %s, %d", data, pid, number)
		}
	}
}

func TestChainsOfASession(t *testing.T) {
	base := &record{SocketID: "s", Namespace: "/", Rooms: map[string]uint64{"a": 0, "b": 3}}
	message := func(number uint64, d *delta) eventlog.Message {
		return eventlog.Message{Sequence: number, Data: d.encode()}
	}
	first := eventlog.Message{Sequence: 5, Data: base.encode()}
	whole := map[string]uint64{"b": 3, "c": 7}
	for name, test := range map[string]struct {
		chain []eventlog.Message
		rooms map[string]uint64
		err   error
	}{
		"nothing":          {nil, nil, errBrokenChain},
		"a record":         {[]eventlog.Message{first}, map[string]uint64{"a": 5, "b": 3}, nil},
		"deltas":           {[]eventlog.Message{first, message(7, &delta{Base: 5, Index: 1, Joined: []string{"c"}, Left: []string{"a"}}), message(8, &delta{Base: 5, Index: 2})}, whole, nil},
		"one stored twice": {[]eventlog.Message{first, message(7, &delta{Base: 5, Index: 1, Joined: []string{"c"}, Left: []string{"a"}}), message(8, &delta{Base: 5, Index: 1, Joined: []string{"c"}, Left: []string{"a"}})}, whole, nil},
		"one is missing":   {[]eventlog.Message{first, message(8, &delta{Base: 5, Index: 2})}, nil, errBrokenChain},
		"another record's": {[]eventlog.Message{first, message(8, &delta{Base: 4, Index: 1})}, nil, errBrokenChain},
		"no record":        {[]eventlog.Message{message(8, &delta{Base: 5, Index: 1})}, nil, errBrokenChain},
		"a later record":   {[]eventlog.Message{first, {Sequence: 9, Data: base.encode()}}, nil, errBrokenChain},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := foldSession(test.chain)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(test.rooms, r.Rooms); diff != "" {
				t.Errorf("rooms (-want +got):\n%s", diff)
			}
			if left, want := r.Left["a"], (span{5, 7}); len(test.chain) > 1 && left != want {
				t.Errorf("left %v, want %v", left, want)
			}
		})
	}
}

// An earlier release takes a delta for the session of another namespace, which is not recovered.
func TestADeltaIsNoSessionToAnEarlierRelease(t *testing.T) {
	d := &delta{By: "writer", Base: 5, Index: 1, Joined: []string{"a"}, Left: []string{"b"}, HasData: true, Data: []byte("{}"), Gone: 1}
	r, err := decodeRecord(d.encode())
	if err != nil || r.Namespace != "" {
		t.Errorf("read as %+v, %v", r, err)
	}
}

func TestDeltasStayAsTheyAre(t *testing.T) {
	deltas := map[string]*delta{
		"delta": {
			By: "writer01", Base: 1 << 53, Index: 2, Joined: []string{"a", "大厅"}, Left: []string{"b"},
			Data: []byte(`{"n":9007199254740993}`), HasData: true, Gone: 1764460800000,
		},
		"room": {By: "writer01", Base: 9, Index: 1, Joined: []string{"a"}},
	}
	samples := goldentest.Read(t, "testdata/wire/v1/session.txt")
	for name, want := range deltas {
		data := goldentest.Sample(t, samples, name)
		if got := want.encode(); !bytes.Equal(got, data) {
			t.Errorf("%s: written as %q, want %q", name, got, data)
		}
		_, got, err := decodeSession(data)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(delta{})); err != nil || diff != "" {
			t.Errorf("%s: %v, delta (-want +got):\n%s", name, err, diff)
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
	samples := golden(t, "v0", "session", len(records))
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
	samples := golden(t, "v0", "fence", 1)
	data := goldentest.Sample(t, samples, "taken over")
	for rest, data := range map[string][]byte{"": data, ", and a later one": append(data, ".more.of it"...)} {
		if pid, number := decodeFence(data); pid != "private-id-of-a-session" || number != 1<<53+1 {
			t.Errorf("fence%s: %s, %d", rest, pid, number)
		}
	}
}

// A session is a record and the deltas behind it, as other gateways have written them.
func FuzzSession(f *testing.F) {
	whole := record{SocketID: "s", Namespace: "/", Gateway: "g", Floor: 3, Rooms: map[string]uint64{"a": 4}, Left: map[string]span{"b": {5, 6}}}
	next := delta{By: "w", Base: 7, Index: 1, Joined: []string{"c"}, Left: []string{"a"}, Data: []byte("{}"), HasData: true}
	f.Add(whole.encode(), next.encode())
	f.Add([]byte(`{"rooms":null}`), []byte(`{"base":7,"index":1,"gone":5}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r, err := foldSession([]eventlog.Message{{Sequence: 7, Data: first}, {Sequence: 8, Data: second}})
		if err != nil {
			return
		}
		again, err := decodeRecord(r.encode())
		if err != nil {
			t.Fatal(err)
		}
		again.fillSequences(8)
		r.fillSequences(8)
		if !bytes.Equal(again.encode(), r.encode()) {
			t.Errorf("%s becomes %s", r.encode(), again.encode())
		}
		_ = r.check(nameBytes(r.Rooms), 1<<20)
	})
}

func FuzzFence(f *testing.F) {
	f.Add(encodeFence("pid", 7))
	f.Add([]byte("pid.7.later"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pid, number := decodeFence(data)
		if strings.Contains(pid, ".") {
			t.Errorf("the pid of %q is %q", data, pid)
		}
		if again, n := decodeFence(encodeFence(pid, number)); again != pid || n != number {
			t.Errorf("%q, %d becomes %q, %d", pid, number, again, n)
		}
	})
}
