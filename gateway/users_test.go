// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	subjects "github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// reaching is a service of whose users some have the same name. Its rule for all rooms allows
// nothing, and shows everything.
const reaching = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: reaching}
spec:
%[1]s
  authentication:
  - {name: people, tokens: {secretRef: {name: people}}}
  - {name: devices, tokens: {secretRef: {name: devices}}}
  limits: {maxRooms: 1}
  namespaces:
  - name: /
    authentication: [people, devices]
    anonymous: true
    rooms:
    - {name: hall}
    - {name: "*", %[2]spresence: true, allow: {join: "false", leave: "false", emit: "false", presence: "true"}}
    handlers:
    - {event: tell, do: [{emit: {to: user, entry: people, user: "args[0]", event: told, args: "[args[1]]"}}, {ack: "[]"}]}
    - {event: sync, do: [{emit: {to: user, entry: people, user: socket.user, except: [socket.id], event: synced}}, {ack: "[]"}]}
    - {event: ask, do: [{emit: {to: user, entry: devices, user: "args[0]", event: asked, ack: {}}}, {ack: "[answers, missing]"}]}
    - {event: rooms, do: [{ack: "socket.rooms.filter(r, r != socket.id)"}]}
    - {event: join, do: [{join: "args[0]"}, {ack: "['done']"}]}
    - {event: leave, do: [{leave: "args[0]"}, {ack: "['done']"}]}
    - {event: emit, do: [{emit: {rooms: ["args[0]"], event: got}}, {ack: "['done']"}]}
    - {event: except, do: [{emit: {rooms: ["'hall'"], except: ["args[0]"], event: got}}, {ack: "['done']"}]}
    - {event: members, do: [{presence: {room: "args[0]"}}]}
%[3]s
  - name: /quiet
    authentication: [people]
    addressUsers: false
    handlers: [{event: who, do: [{ack: "[socket.user]"}]}]
  - name: /free
`

// keptHere and keptNowhere are the two kinds of services.
const (
	keptHere    = "  recovery: {maxDisconnection: 1m}\n"
	keptNowhere = ""
)

// reachingBy is the service of one of the kinds. If events are stored, its rule for all rooms keeps
// a history of each.
func reachingBy(kind string) string {
	history, past := "", ""
	if kind == keptHere {
		history, past = "history: {maxMessages: 10, maxAge: 1h}, ", `    - {event: past, do: [{history: {room: "args[0]"}}]}`
	}
	return fmt.Sprintf(reaching, kind+"  api: {tokenSecretRef: {name: tokens}}", history, past)
}

// reach are two gateways, and a program that publishes.
type reach struct {
	*testing.T
	pods  [2]*pod
	admin [2]string
	nats  *nats.Conn
}

func tokenOf(entry, user string) string { return "token-of-" + entry + "-" + user + "-and-no-other" }

func startReaching(t *testing.T, text string) *reach {
	t.Helper()
	leakCheck(t)
	dir := t.TempDir()
	secrets := &issuers{dir: dir}
	for _, entry := range []string{"people", "devices"} {
		for _, user := range []string{"ada", "bob"} {
			secrets.put(t, entry, user, tokenOf(entry, user))
		}
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	r := &reach{T: t}
	svc, err := manifest.Load(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for n := range r.pods {
		r.pods[n] = startWith(t, server.ClientURL(), 0, render(t, svc), func(o *RunOptions) {
			o.AuthenticationDir, o.APITokenFile, o.APIListen = dir, tokens, "127.0.0.1:0"
			o.AdminSocket = "@realtime-test-" + rand.Text()
			r.admin[n] = o.AdminSocket
		})
	}
	for _, p := range r.pods {
		await(t, p.ops+"/readyz", ready)
	}
	if r.nats, err = nats.Connect(server.ClientURL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.nats.Close)
	return r
}

// come connects to a gateway, as a user of an entry, or as nobody.
func (r *reach) come(gateway int, entry, user string) *wiretest.Client {
	r.Helper()
	c := wiretest.Dial(r.T, r.pods[gateway].clients, enginePath, "", nil)
	auth := ""
	if entry != "" {
		auth = byToken(tokenOf(entry, user)).auth
	}
	c.Send("40" + auth)
	if got := c.Receive(); !strings.HasPrefix(got, "40{") {
		r.Fatalf("answered %s", got)
	}
	return c
}

var anyOffset = regexp.MustCompile(`,"[0-9a-z]+\.[0-9a-z]+"\]$`)

// gets wants packets next, offsets aside.
func (r *reach) gets(c *wiretest.Client, packets ...string) {
	r.Helper()
	for _, want := range packets {
		if got := anyOffset.ReplaceAllString(c.Receive(), "]"); got != want {
			r.Fatalf("received %s, want %s", got, want)
		}
	}
}

// hasNothing has clients ask something: what they have received would come before the answer.
func (r *reach) hasNothing(clients ...*wiretest.Client) {
	r.Helper()
	for _, c := range clients {
		c.Send(`429["rooms"]`)
		r.gets(c, `439[]`)
	}
}

// namesNobody wants that the subjects of messages tell users apart, and do not say who they are.
func (r *reach) namesNobody(heard *nats.Subscription) {
	r.Helper()
	_, own, _ := strings.Cut(subjects.NewSubjects("default/reaching", "/").Room(userroom.Of("people", "ada")), ".user.")
	found := false
	for {
		if n, _, err := heard.Pending(); err != nil || n == 0 {
			break
		}
		msg, err := heard.NextMsg(10 * time.Second)
		if err != nil {
			r.Fatal(err)
		}
		found = found || strings.HasSuffix(msg.Subject, ".user."+own)
		_, token, _ := strings.Cut(msg.Subject, ".user.t")
		text, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || strings.Contains(string(text), "ada") || strings.Contains(string(text), "bob") {
			r.Errorf("the subject %s names a user: %q, %v", msg.Subject, text, err)
		}
	}
	if !found {
		r.Error("no message is for a user alone")
	}
}

// publish publishes at a gateway, over HTTP.
func (r *reach) publish(gateway int, document string) string {
	r.Helper()
	return post(r.T, r.pods[gateway].api, emitPath, "secret", document)
}

func TestUsersAreReachedByTheirNames(t *testing.T) {
	for name, kind := range map[string]string{"kept": keptHere, "live": keptNowhere} {
		t.Run(name, func(t *testing.T) {
			r := startReaching(t, reachingBy(kind))
			heard, err := r.nats.SubscribeSync(">")
			if err == nil {
				err = r.nats.Flush()
			}
			if err != nil {
				t.Fatal(err)
			}
			ada, tablet, far := r.come(0, "people", "ada"), r.come(0, "people", "ada"), r.come(1, "people", "ada")
			bob, sensor, nobody := r.come(1, "people", "bob"), r.come(0, "devices", "ada"), r.come(1, "", "")

			nobody.Send(`421["tell","ada",1]`)
			nobody.Expect(`431[]`)
			for _, c := range []*wiretest.Client{ada, tablet, far} {
				r.gets(c, `42["told",1]`)
			}
			bob.Send(`421["tell",["ada","bob",""],2]`)
			r.gets(bob, `42["told",2]`, `431[]`)
			for _, c := range []*wiretest.Client{ada, tablet, far} {
				r.gets(c, `42["told",2]`)
			}
			ada.Send(`421["sync"]`)
			ada.Expect(`431[]`)
			for _, c := range []*wiretest.Client{tablet, far} {
				r.gets(c, `42["synced"]`)
			}
			// An anonymous client has no name, so that nobody else is its user.
			nobody.Send(`421["sync"]`)
			nobody.Expect(`431[]`)
			// A user of the other entry is another one, and answers.
			bob.Send(`421["ask","ada"]`)
			asked := sensor.Receive()
			sensor.Send("43" + strings.TrimSuffix(strings.TrimPrefix(asked, "42"), `["asked"]`) + `["fine"]`)
			r.gets(bob, `431[[["fine"]],false]`)

			for gateway, document := range map[int]string{
				0: `{"event":"paid","args":[1],"users":["ada"],"entry":"devices"}`,
				1: `{"event":"paid","args":[2],"users":["bob","bob"],"entry":"people","volatile":true}`,
			} {
				if got := r.publish(gateway, document); got != published200 {
					t.Errorf("%s is answered %s", document, got)
				}
			}
			r.gets(sensor, `42["paid",1]`)
			r.gets(bob, `42["paid",2]`)
			answer, err := r.nats.Request(publish.Subject("default/reaching"),
				[]byte(`{"namespace":"/","event":"paid","args":[3],"users":["ada"],"entry":"people","rooms":["nowhere"]}`), 10*time.Second)
			if err != nil || string(answer.Data) != `{"ok":true}` {
				t.Errorf("answered %s, %v", answer.Data, err)
			}
			for _, c := range []*wiretest.Client{ada, tablet, far} {
				r.gets(c, `42["paid",3]`)
			}
			// Who comes later has no past of it.
			late := r.come(1, "people", "ada")
			r.hasNothing(ada, tablet, far, bob, sensor, nobody, late)
			r.namesNobody(heard)
		})
	}
}

func TestRoomsOfUsersAreHiddenAndReserved(t *testing.T) {
	for name, kind := range map[string]string{"kept": keptHere, "live": keptNowhere} {
		t.Run(name, func(t *testing.T) {
			r := startReaching(t, reachingBy(kind))
			ada, bob := r.come(0, "people", "ada"), r.come(1, "people", "bob")
			bob.Send(`421["tell","ada","secret"]`)
			bob.Expect(`431[]`)
			r.gets(ada, `42["told","secret"]`)
			const failed = `431[{"error":"the service could not handle the event"}]`
			for _, user := range []string{"ada", "bob"} {
				room := strings.Replace(userroom.Of("people", user), "\x00", `\u0000`, 1)
				for _, event := range []string{"join", "leave", "emit", "except"} {
					bob.Send(`421["` + event + `","` + room + `"]`)
					r.gets(bob, failed)
					bob.Send(`421["` + event + `",["hall","` + room + `"]]`)
					r.gets(bob, failed)
				}
				for _, event := range []string{"members", "past"} {
					bob.Send(`421["` + event + `","` + room + `"]`)
					if got := bob.Receive(); !strings.HasPrefix(got, "431[") || strings.Contains(got, "id") || strings.Contains(got, "secret") {
						t.Errorf("of a user's room, a client learns %s", got)
					}
				}
				for _, field := range []string{"rooms", "except", "sockets"} {
					document := `{"event":"e","` + field + `":["` + room + `"]}`
					if got := r.publish(0, document); !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "reserved for the rooms of users") {
						t.Errorf("%s is answered %s", document, got)
					}
				}
			}
			// The room does not count for maxRooms, which is 1.
			bob.Send(`421["join","hall"]`)
			r.gets(bob, `431["done"]`)
			bob.Send(`421["rooms"]`)
			r.gets(bob, `431["hall"]`)
			bob.Send(`421["tell","bob",1]`)
			r.gets(bob, `42["told",1]`, `431[]`)
			r.hasNothing(ada)
			await(t, r.pods[1].ops+"/metrics", func(_ int, body string) bool {
				return !strings.Contains(body, "user:") && strings.Contains(body, "realtime_")
			})
		})
	}
}

func TestAUserWhoIsAwayMissesNothing(t *testing.T) {
	r := startReaching(t, reachingBy(keptHere))
	g := &wiretest.Guest{T: t, Token: tokenOf("people", "ada")}
	g.Ask(r.pods[0].clients, enginePath)
	g.Answer()
	g.Wire.Send(`421["join","hall"]`)
	g.Wire.Expect(`431["done"]`)
	bob := r.come(1, "people", "bob")
	for i, pod := range []*pod{r.pods[1], r.pods[0]} {
		bob.Send(fmt.Sprintf(`421["tell","ada","here %d"]`, i))
		bob.Expect(`431[]`)
		g.Expect(fmt.Sprintf(`["told","here %d"]`, i))
		g.Wire.Close()
		bob.Send(fmt.Sprintf(`421["tell",["ada","bob"],"away %d"]`, i))
		r.gets(bob, fmt.Sprintf(`42["told","away %d"]`, i), `431[]`)
		if got := r.publish(i, `{"event":"paid","users":["ada"],"entry":"people"}`); got != published200 {
			t.Errorf("answered %s", got)
		}
		if got := r.publish(i, `{"event":"paid","users":["ada"],"entry":"devices"}`); got != published200 {
			t.Errorf("answered %s", got)
		}
		g.Ask(pod.clients, enginePath)
		if !g.Answer() {
			t.Fatal("the client is not recovered")
		}
		g.Expect(fmt.Sprintf(`["told","away %d"]`, i), `["paid"]`)
	}
	g.Wire.Send(`421["rooms"]`)
	g.Wire.Expect(`431["hall"]`)

	// Nobody gets what another user has missed by that one's private id.
	g.Wire.Close()
	bob.Send(`421["tell","ada","secret"]`)
	bob.Expect(`431[]`)
	thief := *g
	thief.Token = tokenOf("devices", "ada")
	thief.Ask(r.pods[1].clients, enginePath)
	if got := thief.Wire.Receive(); strings.Contains(got, g.PID) {
		t.Errorf("another user is recovered: %s", got)
	}
	r.hasNothing(thief.Wire)
}

func TestUsersAreReachedOnceTheManifestSaysSo(t *testing.T) {
	for name, kind := range map[string]string{"kept": keptHere, "live": keptNowhere} {
		t.Run(name, func(t *testing.T) {
			text := reachingBy(kind)
			r := startReaching(t, text)
			c := wiretest.Dial(t, r.pods[0].clients, enginePath, "", nil)
			c.Send("40/quiet," + byToken(tokenOf("people", "ada")).auth)
			c.Receive()
			const path, document = "/v1/namespaces/%2Fquiet/emit", `{"event":"paid","users":["ada"]}`
			if got := post(t, r.pods[1].api, path, "secret", document); !strings.HasPrefix(got, "400 ") || !strings.Contains(got, "set its addressUsers") {
				t.Errorf("answered %s", got)
			}
			svc, err := manifest.Load(t.Context(), []byte(strings.Replace(text, "addressUsers: false", "addressUsers: true", 1)))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range r.pods {
				p.reconfigure(t, svc)
			}
			received := make(chan string, 1)
			go func() { received <- c.Receive() }()
			eventually(t, "the user is reached", func() bool {
				if got := post(t, r.pods[1].api, path, "secret", document); got != published200 {
					return false
				}
				select {
				case got := <-received:
					return anyOffset.ReplaceAllString(got, "]") == `42/quiet,["paid"]`
				default:
					return false
				}
			})
		})
	}
}

func TestPublicationsToUsersThatAreRefused(t *testing.T) {
	r := startReaching(t, reachingBy(keptNowhere))
	for _, test := range []struct{ namespace, document, want string }{
		{"%2F", `{"event":"e","users":["ada"]}`, `users are those of an entry: name one of [\"people\" \"devices\"]`},
		{"%2F", `{"event":"e","users":["ada"],"entry":"robots"}`, `no entry \"robots\"`},
		{"%2F", `{"event":"e","users":[""],"entry":"people"}`, `has a name that is empty`},
		{"%2F", `{"event":"e","entry":"people"}`, `\"entry\" is for \"users\"`},
		{"%2Fquiet", `{"event":"e","users":["ada"]}`, "set its addressUsers"},
		{"%2Ffree", `{"event":"e","users":["ada"]}`, "has no authentication"},
	} {
		if got := post(t, r.pods[0].api, "/v1/namespaces/"+test.namespace+"/emit", "secret", test.document); !strings.HasPrefix(got, "400 ") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %s is answered %s, want %s", test.namespace, test.document, got, test.want)
		}
	}
}

const late = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: reaching}
spec:
  recovery: {maxDisconnection: 1m}
  authentication: [{name: people, tokens: {secretRef: {name: people}}}]
  namespaces: [{name: /, authentication: [people], addressUsers: false}]
`

// A session may be older than addressUsers.
func TestASessionFromBeforeUsersWereReached(t *testing.T) {
	r := startReaching(t, late)
	g := &wiretest.Guest{T: t, Token: tokenOf("people", "ada")}
	g.Ask(r.pods[0].clients, enginePath)
	g.Answer()
	g.Wire.Close()
	svc, err := manifest.Load(t.Context(), []byte(strings.Replace(late, "addressUsers: false", "addressUsers: true", 1)))
	if err != nil {
		t.Fatal(err)
	}
	const document = `{"event":"paid","users":["ada"]}`
	for i, p := range r.pods {
		p.reconfigure(t, svc)
		eventually(t, "users are addressed", func() bool { return r.publish(i, document) == published200 })
	}
	g.Ask(r.pods[1].clients, enginePath)
	if !g.Answer() {
		t.Fatal("the client is not recovered")
	}
	g.Wire.Send(`421["unknown"]`)
	g.Wire.Expect(`431[{"error":"the service does not handle the event"}]`) // it has joined by now
	if got := r.publish(0, document); got != published200 {
		t.Errorf("answered %s", got)
	}
	g.Expect(`["paid"]`)
}

// Events for a user wait for whoever has the session, and that is nobody with a revoked token.
func TestARevokedTokenGetsNothingForItsUser(t *testing.T) {
	r := startRevokingReady(t)
	g := &wiretest.Guest{T: t, Token: r.token("jti", "first")}
	g.Ask(r.pods[0].clients, enginePath)
	g.Answer()
	other := wiretest.Dial(t, r.pods[1].clients, enginePath, "", nil)
	other.Send("40" + byToken(r.token("jti", "second")).auth)
	other.Receive()
	r.revoke(`{"id":"first"}`)
	r.ended(g.Wire)
	if got := post(t, r.pods[1].api, emitPath, "secret", `{"event":"secret","users":["anna"],"entry":"shared"}`); got != published200 {
		t.Fatalf("answered %s", got)
	}
	if got := anyOffset.ReplaceAllString(other.Receive(), "]"); got != `42["secret"]` {
		t.Errorf("received %s", got)
	}
	g.Ask(r.pods[1].clients, enginePath)
	g.Wire.Expect("44" + refusal("Unauthorized", "token_invalid"))
	g.Wire.Close()
	g.Token = r.token("jti", "second")
	g.Ask(r.pods[1].clients, enginePath)
	if !g.Answer() {
		t.Error("with another token the session is not recovered")
	}
	g.Expect(`["secret"]`)
}
