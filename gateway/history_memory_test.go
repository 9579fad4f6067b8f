// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const (
	// pastEvents and pastBytes are a history that is larger than what the kernel keeps for a
	// connection, and than what may wait for a client.
	pastEvents = 100
	pastBytes  = 200_000
	// idlers is how many clients get it and do not read.
	idlers = 12
	// idlersMost is what they may cost together, in bytes: for each some events, and what a
	// connection takes with the test's own end of it. A copy of the history for each would be 240
	// MB.
	idlersMost = 48 << 20
)

// longPast is a gateway with a room that has a long history, and a witness who hears when others
// have entered it.
type longPast struct {
	*pod
	t       *testing.T
	witness *wiretest.Client
	trust   certtest.Pair
}

const longPastService = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: long-past}
spec:
  recovery: {maxDisconnection: 1m}
  protocol: {webTransport: {tlsSecretRef: {name: long-past-tls}}}
  namespaces:
  - name: /
    rooms:
    - {name: big, history: {maxMessages: 100, maxAge: 1h}}
    handlers:
    - event: say
      do: [{emit: {rooms: ["'big'"], event: said, args: args}}, {ack: "[1]"}]
    - event: watch
      do: [{join: "'watched'"}, {ack: "[1]"}]
    - event: enter
      do: [{join: "'big'"}, {emit: {rooms: ["'watched'"], event: entered}}]
    - event: exit
      do: [{leave: "'big'"}]
    - event: page
      do: [{history: {room: "'big'", limit: 100}}]
`

func newLongPast(t *testing.T) *longPast {
	t.Helper()
	leakCheck(t)
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	svc, err := manifest.Load(t.Context(), []byte(longPastService))
	if err != nil {
		t.Fatal(err)
	}
	dir, pair := t.TempDir(), certtest.New(t, "long-past")
	certtest.Mount(t, dir, pair)
	l := &longPast{t: t, trust: pair}
	l.pod = startWith(t, nats.ClientURL(), 0, render(t, svc), func(o *RunOptions) {
		o.WebTransportListen, o.WebTransportCertificateDir = "127.0.0.1:0", dir
	})
	await(t, l.ops+"/readyz", ready)
	l.witness = wiretest.Dial(t, l.clients, enginePath, "", nil)
	welcomed(t, l.witness, "")
	for i := range pastEvents {
		l.witness.Send(fmt.Sprintf(`421["say",%d,"%s"]`, i, strings.Repeat("h", pastBytes)))
		l.witness.Expect("431[1]")
	}
	l.witness.Send(`421["watch"]`)
	l.witness.Expect("431[1]")
	return l
}

// entered waits for a client to have entered the room.
func (l *longPast) entered() {
	l.t.Helper()
	if got := withoutOffset(l.t, l.witness.Receive()); got != `42["entered"]` {
		l.t.Fatalf("the witness has received %s", got)
	}
}

// wantPast wants the whole history.
func (l *longPast) wantPast(c *wiretest.Client) {
	l.t.Helper()
	for i := range pastEvents {
		if got, want := c.Receive(), fmt.Sprintf(`42["said",%d,"h`, i); !strings.HasPrefix(got, want) || len(got) < pastBytes {
			l.t.Fatalf("received %.40s of %d bytes, want %s", got, len(got), want)
		}
	}
}

// reader enters the room and reads all of its history, after which the gateway has it.
func (l *longPast) reader() *wiretest.Client {
	l.t.Helper()
	c := wiretest.Dial(l.t, l.clients, enginePath, "", nil)
	welcomed(l.t, c, "")
	c.Send(`42["enter"]`)
	l.wantPast(c)
	l.entered()
	return c
}

// heap is what is in use of it.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC() // pools keep what they have for one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func (l *longPast) wantHeap(before int64) {
	l.t.Helper()
	if grown := heapInUse() - before; grown > idlersMost {
		l.t.Errorf("clients that do not read cost %d MiB, want at most %d", grown>>20, idlersMost>>20)
	}
}

// enterByPolling enters the room, and polls no more.
func (l *longPast) enterByPolling() {
	l.t.Helper()
	url := l.clients + enginePath + "?EIO=4&transport=polling"
	_, open := get(l.t, url)
	_, sid, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	for _, packet := range []string{"40", `42["enter"]`} {
		resp, err := http.Post(url+"&sid="+sid, "text/plain", bytes.NewReader([]byte(packet)))
		if err != nil {
			l.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != "ok" {
			l.t.Fatalf("POST %s: %s %v", packet, body, err)
		}
	}
}

func TestAHistoryIsThereOnceForAllWhoDoNotReadIt(t *testing.T) {
	for name, enter := range map[string]func(l *longPast){
		"websocket": func(l *longPast) {
			c := wiretest.Dial(l.t, l.clients, enginePath, "", nil)
			c.Send("40", `42["enter"]`)
		},
		"polling": (*longPast).enterByPolling,
		"WebTransport": func(l *longPast) {
			c := wiretest.DialWebTransport(l.t, l.udp, enginePath, certtest.Trusting(l.t, l.trust))
			c.Open()
			c.Send(`42["enter"]`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLongPast(t)
			l.reader()
			before := heapInUse()
			for range idlers {
				enter(l)
				l.entered()
			}
			l.wantHeap(before)
		})
	}
}

func TestWhoEntersAgainAndAgainHoldsOneHistory(t *testing.T) {
	l := newLongPast(t)
	reader := l.reader()
	before := heapInUse()
	c := wiretest.Dial(t, l.clients, enginePath, "", nil)
	c.Send("40")
	for range 30 {
		c.Send(`42["enter"]`)
		l.entered()
		c.Send(`42["exit"]`)
	}
	l.wantHeap(before)
	// A client that reads gets all of it, and then what is said now.
	late := l.reader()
	l.witness.Send(`421["say","now"]`)
	l.witness.Expect("431[1]")
	for _, c := range []*wiretest.Client{reader, late} {
		if got := withoutOffset(t, c.Receive()); got != `42["said","now"]` {
			t.Errorf("received %.40s", got)
		}
	}
}

func TestAPageOfHistoryIsBoundedInBytes(t *testing.T) {
	l := newLongPast(t)
	c := wiretest.Dial(t, l.clients, enginePath, "", nil)
	welcomed(t, c, "")
	c.Send(`421["page"]`)
	page := c.Receive()
	if n := strings.Count(page, `"event":"said"`); n != 5 || len(page) > 1<<20 {
		t.Errorf("a page has %d events and %d bytes, want the 5 that fit into 1 MiB", n, len(page))
	}
	if strings.Contains(page, `"next":null`) || !strings.Contains(page, `[99,"hhh`) {
		t.Error("the page does not say that there is more, or lacks the newest event")
	}
}
