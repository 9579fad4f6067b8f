// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/service/quota"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// handClock is a clock that a test moves.
type handClock struct{ passed atomic.Int64 }

var midnight = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

func (c *handClock) Now() time.Time { return midnight.Add(time.Duration(c.passed.Load())) }

func (c *handClock) pass(d time.Duration) { c.passed.Add(int64(d)) }

const limitedNamespaces = `
  authentication:
  - {name: members, tokens: {secretRef: {name: members}}}
  namespaces:
  - name: /
    authentication: [members]
    anonymous: true
    handlers:
    - {event: say, do: [{ack: "['ok']"}]}
    - {event: question, do: [{emit: {to: socket, event: q, ack: {timeout: 100ms}}}, {ack: "[answers]"}]}
  - name: /b
    authentication: [members]
    handlers:
    - {event: say, do: [{ack: "['ok']"}]}
`

var limitedMembers = map[string]string{"ada": `{"tokens":["token-of-ada-long-enough"]}`, "bob": `{"tokens":["token-of-bob-long-enough"]}`}

func limitedProgram(t *testing.T, limits string) *Program {
	t.Helper()
	return members(t, "  limits: {"+limits+"}\n"+limitedNamespaces, limitedMembers)
}

// as connects a member; anonymously without a name.
func as(t *testing.T, url, user string) *wiretest.Client {
	t.Helper()
	c, answer := comes(t, url, user)
	if !strings.HasPrefix(answer, "40{") {
		t.Fatalf("%s is answered %s", user, answer)
	}
	return c
}

func comes(t *testing.T, url, user string) (*wiretest.Client, string) {
	t.Helper()
	c := wiretest.Dial(t, url, path, "", nil)
	connect := "40"
	if user != "" {
		connect += `{"token":"token-of-` + user + `-long-enough"}`
	}
	c.Send(connect)
	return c, c.Receive()
}

// saying is an event of a third of a kB, with its name.
var saying = `["say","` + strings.Repeat("x", 326) + `"]`

// TestEachLimit has each limit let three events through, and wants of the fourth what onExceed
// says.
func TestEachLimit(t *testing.T) {
	for name, limit := range map[string]struct{ field, rate string }{
		"perSocket.events":     {"perSocket: {events: {%s}}", "rate: 1, burst: 3"},
		"perSocket.bytes":      {"perSocket: {bytes: {%s}}", "rate: 1k, burst: 1k"},
		"perSocket.byEvent[1]": {"perSocket: {byEvent: [{event: other, rate: 1}, {event: say, %s}]}", "rate: 1, burst: 3"},
		"perUser.events":       {"perUser: {events: {%s}}", "rate: 1, burst: 3"},
		"perUser.bytes":        {"perUser: {bytes: {%s}}", "rate: 1k, burst: 1k"},
	} {
		wait := 1000
		if strings.HasSuffix(name, "bytes") {
			wait = 332 // of 1,000 bytes, 1 is left, and 333 are wanted
		}
		data := fmt.Sprintf(`{"code":"rate_limited","limit":"%s","retryAfter":%d}`, name, wait)
		begin := func(t *testing.T, policy string) (*Runtime, *handClock, *wiretest.Client) {
			t.Helper()
			clock := &handClock{}
			r, url := runtimeAt(t, limitedProgram(t, fmt.Sprintf(limit.field, limit.rate+policy)), clock.Now)
			c := as(t, url, "ada")
			for range 3 {
				c.Send("421" + saying)
				c.Expect(`431["ok"]`)
			}
			return r, clock, c
		}
		counted := func(t *testing.T, r *Runtime, mode string, want float64) {
			t.Helper()
			wiretest.Await(t, fmt.Sprintf("%v are counted", want), func() bool {
				return testutil.ToFloat64(r.quota.Exceeded.WithLabelValues(name, mode)) == want
			})
		}
		// next wants the next event to be the first that is answered.
		next := func(clock *handClock, c *wiretest.Client) {
			clock.pass(time.Second)
			c.Send("427" + saying)
			c.Expect(`437["ok"]`)
		}
		t.Run(name, func(t *testing.T) {
			t.Run("Reject, an acknowledgement", func(t *testing.T) {
				r, clock, c := begin(t, "")
				for range 5 {
					c.Send("421" + saying)
					c.Expect(`431[{"error":` + data + `}]`)
				}
				counted(t, r, "Enforce", 5)
				next(clock, c)
			})
			t.Run("Reject, an event", func(t *testing.T) {
				r, clock, c := begin(t, ", onExceed: Reject")
				for range 5 {
					c.Send("42" + saying)
				}
				c.Expect(`42["rate_limited",` + data + `]`)
				counted(t, r, "Enforce", 5)
				next(clock, c)
				for range 5 {
					c.Send("42" + saying)
				}
				if got := c.Receive(); !strings.HasPrefix(got, `42["rate_limited",`) {
					t.Errorf("the second time it is told %s", got)
				}
				c.Send("425" + saying)
				if got := c.Receive(); !strings.HasPrefix(got, `435[{"error":`) {
					t.Errorf("it is told again within the second: %s", got)
				}
				next(clock, c)
			})
			t.Run("Drop", func(t *testing.T) {
				r, clock, c := begin(t, ", onExceed: Drop")
				c.Send("421"+saying, "42"+saying)
				counted(t, r, "Enforce", 2)
				next(clock, c)
			})
			t.Run("Disconnect", func(t *testing.T) {
				r, _, c := begin(t, ", onExceed: Disconnect")
				c.Send("421" + saying)
				if last := c.ExpectClosed(); len(last) > 0 {
					t.Errorf("before the end it receives %q: a stock client would not come back", last)
				}
				counted(t, r, "Enforce", 1)
			})
			t.Run("Audit", func(t *testing.T) {
				for _, onExceed := range []string{"Reject", "Drop", "Disconnect"} {
					r, _, c := begin(t, ", mode: Audit, onExceed: "+onExceed)
					for range 5 {
						c.Send("421" + saying)
						c.Expect(`431["ok"]`)
					}
					counted(t, r, "Audit", 5)
					counted(t, r, "Enforce", 0)
				}
			})
			t.Run("another program", func(t *testing.T) {
				r, _, c := begin(t, "")
				larger := strings.NewReplacer("burst: 3", "burst: 4", "burst: 1k", "burst: 1400").Replace(limit.rate)
				r.Apply(limitedProgram(t, fmt.Sprintf(limit.field, larger)))
				c.Send("421"+saying, "422"+saying)
				c.Expect(`431["ok"]`)
				if got := c.Receive(); !strings.HasPrefix(got, `432[{"error"`) {
					t.Errorf("what was used before is forgotten: %s", got)
				}
				r.Apply(limitedProgram(t, ""))
				for range 5 {
					c.Send("421" + saying)
					c.Expect(`431["ok"]`)
				}
				if n := testutil.CollectAndCount(r.quota.Exceeded); n != 0 {
					t.Errorf("%d counts of limits are left that are no more", n)
				}
				r.Apply(limitedProgram(t, fmt.Sprintf(limit.field, limit.rate)))
				c.Send("421" + saying)
				if got := c.Receive(); !strings.HasPrefix(got, `431[`) {
					t.Errorf("answered %s", got)
				}
			})
		})
	}
}

func TestAuditSaysWhatItWouldRefuseAndNoValues(t *testing.T) {
	var said wiretest.Lines
	r, url := runtimeOf(t, limitedProgram(t, "perSocket: {events: {rate: 1, burst: 1, mode: Audit}}"))
	r.quota = quota.NewKeeper(time.Now, said.Logger())
	c := as(t, url, "ada")
	for range 100 {
		c.Send("421" + saying)
		c.Expect(`431["ok"]`)
	}
	text := said.All()
	if n := strings.Count(text, "limit=perSocket.events"); n == 0 || n > 25 || strings.Contains(text, "xxx") || strings.Contains(text, "ada") {
		t.Errorf("%d lines are logged: %.300s", n, text)
	}
}

func TestEventsWithoutAHandlerCount(t *testing.T) {
	clock := &handClock{}
	_, url := runtimeAt(t, limitedProgram(t, "perSocket: {events: {rate: 1, burst: 2}}"), clock.Now)
	c := as(t, url, "")
	c.Send(`421["unknown"]`, `422["presence"]`, "423"+saying)
	c.Expect(`431[{"error":"the service does not handle the event"}]`, `432[{"error":"the service does not handle the event"}]`)
	if got := c.Receive(); !strings.HasPrefix(got, `433[{"error":{"code":"rate_limited"`) {
		t.Errorf("after two others, an event is answered %s", got)
	}
}

func TestABinaryEventCountsWithItsAttachments(t *testing.T) {
	clock := &handClock{}
	_, url := runtimeAt(t, limitedProgram(t, "perSocket: {bytes: {rate: 1k}}"), clock.Now)
	c := as(t, url, "")
	c.Send(`452-1["say",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`)
	c.SendBinary(make([]byte, 900))
	c.SendBinary(make([]byte, 900))
	c.Expect(`431["ok"]`)
	c.Send("422" + saying)
	if got := c.Receive(); !strings.HasPrefix(got, `432[{"error":{"code":"rate_limited","limit":"perSocket.bytes"`) {
		t.Errorf("after 1,800 bytes of 2,000, 333 more are answered %s", got)
	}
}

// Acknowledgements are no way around the limit of bytes: neither those that nobody has asked for,
// nor answers to a handler.
func TestAcknowledgementsCountForBytes(t *testing.T) {
	const limit = "perSocket: {events: {rate: 1, burst: 3, onExceed: Disconnect}, bytes: {rate: 1k, burst: 1k}}"
	clock := &handClock{}
	r, url := runtimeAt(t, limitedProgram(t, limit), clock.Now)
	c := as(t, url, "")
	c.Send(`421["question"]`)
	c.Expect(`420["q"]`)
	unasked := `4399["` + strings.Repeat("x", 400) + `"]`
	c.Send(unasked, unasked, unasked, unasked)
	if got := c.Receive(); !strings.HasPrefix(got, `42["rate_limited",{"code":"rate_limited","limit":"perSocket.bytes","retryAfter":`) {
		t.Errorf("of acknowledgements beyond the limit it is told %s", got)
	}
	c.Send(`430["` + strings.Repeat("x", 300) + `"]`)
	if got := c.Receive(); strings.Contains(got, "xxx") {
		t.Errorf("the handler has got an answer beyond the limit: %s", got)
	}
	if n := testutil.ToFloat64(r.quota.Exceeded.WithLabelValues("perSocket.bytes", "Enforce")); n != 3 {
		t.Errorf("%v are counted", n)
	}
	r.Apply(limitedProgram(t, strings.Replace(limit, "burst: 1k", "burst: 1k, onExceed: Disconnect", 1)))
	c.Send(unasked)
	c.ExpectClosed()
}

// A close packet is a wish to stay away, to python-engineio.
func TestAPollingClientOverALimitIsNotSentAway(t *testing.T) {
	_, url := runtimeOf(t, limitedProgram(t, "perSocket: {events: {rate: 1, burst: 1, onExceed: Disconnect}}"))
	base := url + path + "?EIO=4&transport=polling"
	base += "&sid=" + strings.Split(request(t, base, ""), `"`)[3]
	request(t, base, "40")
	request(t, base, "")
	request(t, base, "421"+saying)
	if got := request(t, base, ""); got != `431["ok"]` {
		t.Fatalf("the first event is answered %s", got)
	}
	request(t, base, "422"+saying)
	resp, err := http.Get(base)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("its poll is answered %s", resp.Status)
	}
}

// No stock client sends acknowledgements without an id, but parsers accept them.
func TestAcknowledgementsWithoutAnIDCountForBytes(t *testing.T) {
	clock := &handClock{}
	r, url := runtimeAt(t, limitedProgram(t, "perSocket: {bytes: {rate: 1k, burst: 1k}}"), clock.Now)
	c := as(t, url, "")
	anonymous := `3["` + strings.Repeat("x", 400) + `"]`
	c.Send("4"+anonymous, "4"+anonymous, "4"+anonymous)
	if got := c.Receive(); !strings.HasPrefix(got, `42["rate_limited",{"code":"rate_limited","limit":"perSocket.bytes"`) {
		t.Errorf("of acknowledgements beyond the limit it is told %s", got)
	}
	r.Apply(limitedProgram(t, "perSocket: {bytes: {rate: 1k, burst: 1k, onExceed: Disconnect}}"))
	c.Send("4" + anonymous)
	c.ExpectClosed()
}

// A client that leaves a namespace and joins it again, or another one, has no more at once.
func TestLimitsOfASocketGoOnWhenItsClientJoinsAgain(t *testing.T) {
	const toB = `40/b,{"token":"token-of-ada-long-enough"}`
	for name, again := range map[string]struct{ leave, join, say, ack string }{
		"the same namespace": {"41", "40", "421", "431"},
		"another namespace":  {"41", toB, "42/b,1", "43/b,1"},
	} {
		for _, limit := range []string{
			"{events: {rate: 1, burst: 3}}", "{bytes: {rate: 1k, burst: 1k}}", "{byEvent: [{event: say, rate: 1, burst: 3}]}",
		} {
			t.Run(name+" "+limit, func(t *testing.T) {
				clock := &handClock{}
				_, url := runtimeAt(t, limitedProgram(t, "perSocket: "+limit), clock.Now)
				c := as(t, url, "")
				c.Send("421"+saying, "422"+saying, "423"+saying, again.leave, again.join)
				c.Expect(`431["ok"]`, `432["ok"]`, `433["ok"]`)
				c.Receive() // CONNECT
				c.Send(again.say + saying)
				if got := c.Receive(); !strings.HasPrefix(got, again.ack+`[{"error":{"code":"rate_limited"`) {
					t.Errorf("it is answered %s", got)
				}
				clock.pass(time.Second)
				c.Send(again.say + saying)
				c.Expect(again.ack + `["ok"]`)
			})
		}
	}
}

// A client that sends to a namespace that it has left, while it is in another one.
func TestEventsToANamespaceThatWasLeftCount(t *testing.T) {
	const toB = `40/b,{"token":"token-of-ada-long-enough"}`
	for name, limit := range map[string]string{
		"events": "{events: {rate: 1, burst: 3, onExceed: %s}}",
		"bytes":  "{bytes: {rate: 1k, burst: 1k, onExceed: %s}}",
		"event":  "{byEvent: [{event: say, rate: 1, burst: 3, onExceed: %s}]}",
	} {
		t.Run(name, func(t *testing.T) {
			clock := &handClock{}
			r, url := runtimeAt(t, limitedProgram(t, "perSocket: "+fmt.Sprintf(limit, "Reject")), clock.Now)
			c := as(t, url, "")
			c.Send(toB)
			c.Receive()
			// It has sent nothing before it leaves, so that there is nothing to go on with.
			c.Send("41", "421"+saying, "42"+saying, "42"+saying, "42"+saying)
			wiretest.Await(t, "one is refused", func() bool {
				return testutil.ToFloat64(r.quota.Exceeded.WithLabelValues(limitName(name), "Enforce")) == 1
			})
			c.Send("40", "421"+saying)
			c.Receive() // CONNECT
			if got := c.Receive(); !strings.HasPrefix(got, `431[{"error":{"code":"rate_limited"`) {
				t.Errorf("when it is there again, it is answered %s", got)
			}
			r.Apply(limitedProgram(t, "perSocket: "+fmt.Sprintf(limit, "Disconnect")))
			c.Send("41", "42"+saying)
			c.ExpectClosed()
		})
	}
}

func limitName(name string) string {
	if name == "event" {
		return "perSocket.byEvent[0]"
	}
	return "perSocket." + name
}

func TestASocketGoesOnWithWhatItsOwnNamespaceHasUsed(t *testing.T) {
	clock := &handClock{}
	_, url := runtimeAt(t, limitedProgram(t, "perSocket: {events: {rate: 1, burst: 3}}"), clock.Now)
	const toB = `40/b,{"token":"token-of-ada-long-enough"}`
	c := as(t, url, "")
	c.Send(toB)
	c.Receive() // CONNECT
	c.Send("421"+saying, "422"+saying, "423"+saying, "42/b,1"+saying, "41", "41/b,", "40")
	c.Expect(`431["ok"]`, `432["ok"]`, `433["ok"]`, `43/b,1["ok"]`)
	c.Receive() // CONNECT
	c.Send("424" + saying)
	if got := c.Receive(); !strings.HasPrefix(got, `434[{"error"`) {
		t.Errorf("after three events before, it is answered %s", got)
	}
	c.Send(toB)
	c.Receive() // CONNECT
	c.Send("42/b,1"+saying, "42/b,2"+saying, "42/b,3"+saying)
	c.Expect(`43/b,1["ok"]`, `43/b,2["ok"]`)
	if got := c.Receive(); !strings.HasPrefix(got, `43/b,3[{"error"`) {
		t.Errorf("after three events it is answered %s", got)
	}
}

// Who joins again as somebody else is charged as that user.
func TestAUserIsChargedForWhatASocketDoesThatFollowsAnothers(t *testing.T) {
	clock := &handClock{}
	r, url := runtimeAt(t, limitedProgram(t, "perSocket: {events: {rate: 1, burst: 3}}, perUser: {events: {rate: 1, burst: 2}}"), clock.Now)
	c := as(t, url, "ada")
	c.Send("421"+saying, "41", `40{"token":"token-of-bob-long-enough"}`)
	c.Expect(`431["ok"]`)
	c.Receive() // CONNECT
	c.Send("421" + saying)
	c.Expect(`431["ok"]`)
	bob := as(t, url, "bob")
	bob.Send("421"+saying, "422"+saying)
	bob.Expect(`431["ok"]`)
	if got := bob.Receive(); !strings.Contains(got, "perUser.events") {
		t.Errorf("the third event of bob is answered %s", got)
	}
	ada := as(t, url, "ada")
	ada.Send("421" + saying)
	ada.Expect(`431["ok"]`)
	for _, one := range []*wiretest.Client{c, ada, bob} {
		one.Close()
	}
	clock.pass(time.Minute)
	wiretest.Await(t, "users who have left are forgotten", func() bool {
		for range 4 {
			r.quota.Users.Beat()
		}
		return r.quota.Users.Len() == 0
	})
}

func TestSocketsOfAUserShareItsLimits(t *testing.T) {
	clock := &handClock{}
	r, url := runtimeAt(t, limitedProgram(t, "perUser: {events: {rate: 1, burst: 3}}"), clock.Now)
	one, two, bob, nobody := as(t, url, "ada"), as(t, url, "ada"), as(t, url, "bob"), as(t, url, "")
	for _, c := range []*wiretest.Client{one, two, one} {
		c.Send("421" + saying)
		c.Expect(`431["ok"]`)
	}
	two.Send("421" + saying)
	if got := two.Receive(); !strings.Contains(got, "perUser.events") {
		t.Errorf("the fourth event of the user is answered %s", got)
	}
	for range 5 {
		nobody.Send("421" + saying)
		nobody.Expect(`431["ok"]`)
	}
	bob.Send("421" + saying)
	bob.Expect(`431["ok"]`)
	for _, c := range []*wiretest.Client{one, two, bob} {
		c.Close()
	}
	clock.pass(time.Minute)
	wiretest.Await(t, "users who have left are forgotten", func() bool {
		for range 4 {
			r.quota.Users.Beat()
		}
		return r.quota.Users.Len() == 0
	})
}

const manyConnections = `44{"message":"Too many connections","data":{"code":"too_many_connections"}}`

func TestAUserHasSoManyConnections(t *testing.T) {
	r, url := runtimeOf(t, limitedProgram(t, "perUser: {connections: 2}"))
	ada := as(t, url, "ada")
	ada.Send(`40/b,{"token":"token-of-ada-long-enough"}`)
	if got := ada.Receive(); !strings.HasPrefix(got, `40/b,{"sid"`) {
		t.Fatalf("another namespace of the connection is answered %s", got)
	}
	again := as(t, url, "ada")
	third, answer := comes(t, url, "ada")
	if answer != manyConnections {
		t.Fatalf("a third connection is answered %s", answer)
	}
	if n := r.io.Of("/").Len(); n != 2 {
		t.Errorf("%d sockets are there", n)
	}
	as(t, url, "bob")
	as(t, url, "")
	if n := testutil.ToFloat64(r.quota.Exceeded.WithLabelValues("perUser.connections", "Enforce")); n != 1 {
		t.Errorf("%v are counted", n)
	}
	ada.Send("41") // it is still in the other namespace
	ada.Send(`421["nothing"]`)
	third.Send(`40{"token":"token-of-ada-long-enough"}`)
	third.Expect(manyConnections)
	again.Close()
	wiretest.Await(t, "a place is free", func() bool {
		third.Send(`40{"token":"token-of-ada-long-enough"}`)
		return strings.HasPrefix(third.Receive(), "40{")
	})
}

func TestAuditAdmitsMoreConnectionsAndCountsThem(t *testing.T) {
	r, url := runtimeOf(t, limitedProgram(t, "perUser: {connections: 1, connectionsMode: Audit}"))
	for range 3 {
		as(t, url, "ada")
	}
	if n := testutil.ToFloat64(r.quota.Exceeded.WithLabelValues("perUser.connections", "Audit")); n != 2 {
		t.Errorf("%v are counted", n)
	}
	r.Apply(limitedProgram(t, "perUser: {connections: 3}"))
	if _, answer := comes(t, url, "ada"); answer != manyConnections {
		t.Errorf("with three, which an audit has let in, a fourth is answered %s", answer)
	}
}

// Those who are there stay, and count.
func TestAReloadCountsTheConnectionsThatAreThere(t *testing.T) {
	r, url := runtimeOf(t, limitedProgram(t, ""))
	one, two := as(t, url, "ada"), as(t, url, "ada")
	for range 2 {
		r.Apply(limitedProgram(t, "perUser: {connections: 1}"))
		if _, answer := comes(t, url, "ada"); answer != manyConnections {
			t.Errorf("a third connection is answered %s", answer)
		}
		for _, c := range []*wiretest.Client{one, two} {
			c.Send("421" + saying)
			c.Expect(`431["ok"]`)
		}
		r.Apply(limitedProgram(t, ""))
		as(t, url, "ada").Close()
	}
	r.Apply(limitedProgram(t, "perUser: {connections: 1}"))
	one.Close()
	two.Close()
	wiretest.Await(t, "those who have left are not counted", func() bool {
		_, answer := comes(t, url, "ada")
		return strings.HasPrefix(answer, "40{")
	})
}

// A client that is on its way in when the limit comes was not asked, and is counted.
func TestAConnectionThatIsOnItsWayInIsCounted(t *testing.T) {
	r, url := runtimeOf(t, limitedProgram(t, ""))
	limited := limitedProgram(t, "perUser: {connections: 1}")
	r.io.Of("/").Use(func(*socketio.Socket) error {
		r.Apply(limited)
		return nil
	})
	as(t, url, "ada")
	if _, answer := comes(t, url, "ada"); answer != manyConnections {
		t.Errorf("a second connection is answered %s", answer)
	}
}

func TestNothingIsHandledOfWhatComesAfterAClientHasLeft(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    handlers: [{event: say, do: [{emit: {to: others, event: said, args: "args"}}]}]
  - name: /b
`)
	c, other := connect(t, url), connect(t, url)
	c.Join("/b")
	c.Send("41", `42["say","late"]`, "40", `42["say","again"]`)
	other.Expect(`42["said","again"]`)
}
