// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const passingOn = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: passing-on}
spec:
  recovery: {maxDisconnection: 1m}
  namespaces:
  - name: /
    rooms:
    - {name: lobby, autoJoin: true, history: {maxMessages: 100, maxAge: 1h, onJoin: false}}
    - {name: seen, presence: true, presenceInfo: "{'v': socket.data.v}"}
    handlers:
    - {event: keep, do: [{set: {v: "args[0]"}}, {ack: "[]"}]}
    - {event: kept, do: [{ack: "[socket.data.v, socket.recovered]"}]}
    - {event: say, do: [{emit: {rooms: ["'lobby'"], event: said, args: "[{'v': args[0]}, args[0]]"}}, {ack: "[]"}]}
    - {event: past, do: [{history: {room: "'lobby'", limit: 1}}]}
    - {event: auth, do: [{ack: "[socket.handshake.auth.v]"}]}
    - {event: ask, do: [{emit: {to: others, event: question, args: "[args[0]]", ack: {timeout: 10s}}}, {ack: "answers"}]}
    - {event: enter, do: [{join: "'seen'"}, {ack: "[]"}]}
    - {event: who, do: [{presence: {room: "'seen'"}}]}
`

// values are what a way that reads JSON and writes it again would change.
var values = []string{
	`9007199254740993`, `-1297012345678901234`, `18446744073709551615`, `1.0`, `1.50`, `1e3`, `-0`, `1e400`, `123456789012345678901234567890`,
	`"caf\u00e9 \u003c\/b> <&>"`, "\"\u2028\"", `"\ud800"`, `{"z":1.0,"a":2,"a":9007199254740993}`, `{"b": [1.0, {"\u0061": 1e2}], "a":"\u0041"}`, `[[[[9007199254740993]]]]`,
}

// answerTo is the acknowledgement of an id, whatever comes before.
func answerTo(c *wiretest.Client, id string) string {
	for {
		if text, found := strings.CutPrefix(c.Receive(), "43"+id); found {
			return text
		}
	}
}

// event is the next event of a name, without the offset.
func event(t *testing.T, c *wiretest.Client, name string) string {
	t.Helper()
	for {
		if packet := c.Receive(); strings.HasPrefix(packet, `42["`+name+`"`) {
			return withoutOffset(t, packet)
		}
	}
}

func withoutSpace(t *testing.T, raw string) string {
	t.Helper()
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(raw)); err != nil {
		t.Fatal(err)
	}
	return compact.String()
}

// asked is the next event that asks for an acknowledgement, and its id.
func asked(c *wiretest.Client) (id, payload string) {
	question := regexp.MustCompile(`^42(\d+)(.*)$`)
	for {
		if parts := question.FindStringSubmatch(c.Receive()); parts != nil {
			return parts[1], parts[2]
		}
	}
}

func TestBytesSurviveEveryWayBetweenGateways(t *testing.T) {
	leakCheck(t)
	a, b := startTwo(t, passingOn)
	time := regexp.MustCompile(`"time":"[^"]+"`)
	for _, v := range values {
		t.Run(v, func(t *testing.T) {
			bob := wiretest.Dial(t, b.clients, enginePath, "", nil)
			welcomed(t, bob, `{"v":`+v+`}`)
			defer bob.Close()
			ada := wiretest.Dial(t, a.clients, enginePath, "", nil)
			_, pid := welcomed(t, ada, "")

			bob.Send(`421["auth"]`)
			if got := answerTo(bob, "1"); got != "["+v+"]" {
				t.Errorf("auth is %s", got)
			}
			ada.Send(`421["say",` + v + `]`)
			said := `42["said",{"v":` + v + `},` + v + `]`
			if got := event(t, bob, "said"); got != said {
				t.Errorf("another gateway's client hears %s", got)
			}
			bob.Send(`422["past"]`)
			page := `[{"events":[{"args":[{"v":` + v + `},` + v + `],"event":"said","revision":R,"time":T}],"next":R,"room":"lobby"}]`
			got := regexp.MustCompile(`"(revision|next)":(\d+|null)`).ReplaceAllString(answerTo(bob, "2"), `"$1":R`)
			if got = time.ReplaceAllString(got, `"time":T`); got != page {
				t.Errorf("the history is\n%s, want\n%s", got, page)
			}

			bob.Send(`423["ask",` + v + `]`)
			id, question := asked(ada)
			if want := `["question",` + v + `]`; question != want {
				t.Errorf("asked %s, want %s", question, want)
			}
			ada.Send("43" + id + "[" + v + `,{"v":` + v + `}]`)
			if got, want := answerTo(bob, "3"), "[["+v+`,{"v":`+v+"}]]"; got != want {
				t.Errorf("answers are %s, want %s", got, want)
			}

			ada.Send(`422["keep",`+v+`]`, `423["enter"]`)
			answerTo(ada, "3")
			var who string
			eventually(t, "others see "+v, func() bool { // a moment after the join
				ada.Send(`424["who"]`)
				who = answerTo(ada, "4")
				return strings.Contains(who, `"info":`)
			})
			if !strings.Contains(who, `"info":{"v":`+withoutSpace(t, v)+`}`) {
				t.Errorf("others see %s", who)
			}
			ada.Close()

			bob.Send(`424["say",` + v + `]`)
			answerTo(bob, "4")
			again := wiretest.Dial(t, b.clients, enginePath, "", nil)
			defer again.Close()
			if _, same := welcomed(t, again, `{"pid":"`+pid+`"}`); same != pid {
				t.Fatalf("welcomed with %s, want %s", same, pid)
			}
			if got := event(t, again, "said"); got != said { // what it has missed, or its own
				t.Errorf("recovered is %s", got)
			}
			again.Send(`426["kept"]`)
			if got, want := answerTo(again, "6"), "["+v+",true]"; got != want {
				t.Errorf("the data after recovery are %s, want %s", got, want)
			}
		})
	}
}
