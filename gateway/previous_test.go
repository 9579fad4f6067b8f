//go:build previous

// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/publish"
	"github.com/realtime-operator/realtime-operator/gateway/socketio/userroom"
)

// private is a service in which clients name rooms. %[2]s are handlers that send to users.
const private = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: reaching}
spec:
  api: {tokenSecretRef: {name: tokens}}
%[1]s
  authentication:
  - {name: people, tokens: {secretRef: {name: people}}}
  - {name: devices, tokens: {secretRef: {name: devices}}}
  namespaces:
  - name: /
    authentication: [people, devices]
    handlers:
%[2]s
    - {event: join, do: [{join: "args[0]"}, {ack: "['done']"}]}
    - {event: spoof, do: [{emit: {rooms: ["args[0]"], event: spoofed}}, {ack: "['done']"}]}
    - {event: rooms, do: [{ack: "[]"}]}
`

const privately = `
    - {event: tell, do: [{emit: {to: user, entry: people, user: "args[0]", event: told, args: "[args[1]]"}}, {ack: "[]"}]}
    - {event: ask, do: [{emit: {to: user, entry: people, user: "args[0]", event: asked, ack: {}}}, {ack: "[answers]"}]}
`

func privateService(t *testing.T, kind, handlers string) []byte {
	t.Helper()
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, private, kind, handlers))
	if err != nil {
		t.Fatal(err)
	}
	return render(t, svc)
}

// startPrevious runs the gateway of an earlier release, which environment variable PREVIOUS_PROGRAM
// names (see make test-previous).
func startPrevious(t *testing.T, natsURL string, config []byte, flags ...string) *pod {
	t.Helper()
	program := os.Getenv("PREVIOUS_PROGRAM")
	if program == "" {
		t.Fatal("PREVIOUS_PROGRAM is not set: run make test-previous")
	}
	p := &pod{config: filepath.Join(t.TempDir(), "service.yaml")}
	if err := os.WriteFile(p.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	logs := &addresses{out: t.Output(), found: make(chan struct{}), peers: make(chan string, 1)}
	cmd := exec.CommandContext(t.Context(), program, append([]string{
		"gateway", "--config", p.config, "--nats-url", natsURL, "--drain", "0s",
		"--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0",
	}, flags...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			_, _ = logs.Write(append(lines.Bytes(), '\n'))
		}
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() { <-ended })
	select {
	case <-logs.found:
		p.clients, p.ops, p.api = "http://"+logs.clients, "http://"+logs.ops, "http://"+logs.api
	case err := <-ended:
		ended <- err
		t.Fatalf("the earlier gateway ended with %v", err)
	}
	return p
}

// rollout is a service that is being updated: the two gateways of this release know how to send to
// users, and that of the previous one does not.
type rollout struct {
	*reach
	old *pod
}

func startRollout(t *testing.T, kind string) *rollout {
	t.Helper()
	dir := t.TempDir()
	secrets := &issuers{dir: dir}
	for _, entry := range []string{"people", "devices"} {
		for _, user := range []string{"ada", "bob", "eve"} {
			secrets.put(t, entry, user, tokenOf(entry, user))
		}
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()})
	r := &rollout{reach: &reach{T: t}}
	r.old = startPrevious(t, server.ClientURL(), privateService(t, kind, ""), "--authentication-dir", dir, "--api-token-file", tokens)
	for n := range r.pods {
		r.pods[n] = startWith(t, server.ClientURL(), 0, privateService(t, kind, privately), func(o *RunOptions) {
			o.AuthenticationDir, o.APITokenFile, o.APIListen = dir, tokens, "127.0.0.1:0"
		})
	}
	for _, p := range []*pod{r.old, r.pods[0], r.pods[1]} {
		await(t, p.ops+"/readyz", ready)
	}
	var err error
	if r.nats, err = nats.Connect(server.ClientURL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.nats.Close)
	return r
}

// spy connects to the earlier gateway, and joins what may be the rooms of users, and a room of
// everybody's.
func (r *rollout) spy(token string) *wiretest.Guest {
	r.Helper()
	g := &wiretest.Guest{T: r.T, Token: token}
	g.Wire = wiretest.Dial(r.T, r.old.clients, enginePath, "", nil)
	g.Wire.Send("40" + byToken(token).auth)
	if got := g.Wire.Receive(); !strings.HasPrefix(got, "40{") {
		r.Fatalf("answered %s", got)
	}
	for _, room := range []string{r.roomOf("ada"), strings.Replace(r.roomOf("ada"), `\u0000`, "ÿ", 1)} {
		g.Wire.Send(`421["join","` + room + `"]`)
		if got := g.Wire.Receive(); !strings.HasPrefix(got, "431[") {
			r.Fatalf("answered %s", got)
		}
	}
	return g
}

// roomOf returns the room of a user, as in JSON.
func (r *rollout) roomOf(user string) string {
	return strings.Replace(userroom.Of("people", user), "\x00", `\u0000`, 1)
}

// A gateway of the release before `to: user` takes part in every rollout of the one that has it.
func TestPreviousGatewaysGetNothingThatIsForAUser(t *testing.T) {
	for name, kind := range map[string]string{"kept": keptHere, "live": keptNowhere} {
		t.Run(name, func(t *testing.T) {
			r := startRollout(t, kind)
			eve := r.spy(tokenOf("people", "eve"))
			guest := r.spy(tokenOf("devices", "bob"))
			guest.Wire.Send(`421["join","hall"]`)
			guest.Wire.Expect(`431["done"]`)
			ada, bob := r.come(0, "people", "ada"), r.come(1, "people", "bob")

			bob.Send(`421["tell","ada","by a handler"]`)
			bob.Expect(`431[]`)
			r.gets(ada, `42["told","by a handler"]`)
			bob.Send(`421["ask","ada"]`)
			asked := ada.Receive()
			ada.Send("43" + strings.TrimSuffix(strings.TrimPrefix(asked, "42"), `["asked"]`) + `["fine"]`)
			r.gets(bob, `431[[["fine"]]]`)
			// A message that others get, too, and thereby the earlier gateway.
			if got := r.publish(1, `{"event":"paid","args":["and hall"],"users":["ada"],"entry":"people","rooms":["hall"]}`); got != published200 {
				t.Errorf("answered %s", got)
			}
			r.gets(ada, `42["paid","and hall"]`)
			r.gets(guest.Wire, `42["paid","and hall"]`)
			r.publishAtAll(ada)

			// It cannot send to what is a user's room here, either.
			for _, rooms := range []string{`"` + r.roomOf("ada") + `"`, `["hall","` + r.roomOf("ada") + `"]`} {
				eve.Wire.Send(`421["spoof",` + rooms + `]`)
				for eve.Wire.Receive() != `431["done"]` { // its own clients are in it
				}
			}
			r.drain(guest.Wire)
			r.hasNothing(ada, bob)
			r.refuses(kind, eve.Wire, ada)
		})
	}
}

// publishAtAll publishes to a user at gateways of both releases, over both ways. One that does not
// know users refuses it.
func (r *rollout) publishAtAll(ada *wiretest.Client) {
	r.Helper()
	const unknown = `unknown field "users"`
	const document = `{"namespace":"/","event":"paid","args":["over NATS"],"users":["ada"],"entry":"people"}`
	const subject = "default/reaching"
	for range 20 { // whichever gateway takes it
		answer, err := r.nats.Request(publish.Subject(subject), []byte(document), 10*time.Second)
		switch {
		case err != nil:
			r.Fatal(err)
		case string(answer.Data) == `{"ok":true}`:
			r.gets(ada, `42["paid","over NATS"]`)
		case !strings.Contains(string(answer.Data), strings.ReplaceAll(unknown, `"`, `\"`)):
			r.Errorf("answered %s", answer.Data)
		}
	}
	got := post(r.T, r.old.api, emitPath, "secret", `{"event":"paid","args":["over HTTP"],"users":["ada"],"entry":"people"}`)
	if !strings.HasPrefix(got, fmt.Sprint(http.StatusBadRequest)) || !strings.Contains(got, "users") {
		r.Errorf("answered %s", got)
	}
}

// drain takes what has come to a client, of which nothing may be a secret.
func (r *rollout) drain(c *wiretest.Client) {
	r.Helper()
	c.Send(`429["rooms"]`)
	for got := c.Receive(); got != `439[]`; got = c.Receive() {
		if !strings.HasPrefix(got, `42["spoofed"`) {
			r.Errorf("received %s", got)
		}
	}
}

// refuses wants that the earlier gateway stays with the configuration that it understands.
func (r *rollout) refuses(kind string, eve, ada *wiretest.Client) {
	r.Helper()
	if err := os.WriteFile(r.old.config, privateService(r.T, kind, privately), 0o600); err != nil {
		r.Fatal(err)
	}
	await(r.T, r.old.ops+"/status", func(_ int, body string) bool { return strings.Contains(body, "cannot emit to users") })
	eve.Send(`421["tell","ada","secret"]`)
	r.gets(eve, `431[{"error":"the service does not handle the event"}]`)
	r.hasNothing(eve, ada)
}

func TestSessionsThatPassThroughPreviousGateways(t *testing.T) {
	r := startRollout(t, keptHere)
	bob := r.come(1, "people", "bob")
	tell := func(text string) {
		t.Helper()
		bob.Send(`421["tell","ada","` + text + `"]`)
		bob.Expect(`431[]`)
	}
	eve := &wiretest.Guest{T: t, Token: tokenOf("people", "eve")}
	ada := &wiretest.Guest{T: t, Token: tokenOf("people", "ada")}
	eve.Ask(r.old.clients, enginePath)
	eve.Answer()
	eve.Wire.Send(`421["join","` + r.roomOf("ada") + `"]`)
	eve.Wire.Expect(`431["done"]`)
	ada.Ask(r.pods[0].clients, enginePath)
	ada.Answer()
	for i, p := range []*pod{r.old, r.pods[1], r.old} {
		tell(fmt.Sprintf("secret %d", i))
		eve.Wire.Close()
		tell(fmt.Sprintf("another %d", i))
		eve.Ask(p.clients, enginePath)
		if !eve.Answer() {
			t.Error("the session is lost")
		}
		r.hasNothing(eve.Wire)
		ada.Expect(fmt.Sprintf(`["told","secret %d"]`, i), fmt.Sprintf(`["told","another %d"]`, i))
	}
	// At the earlier gateway nothing reaches ada, who gets it at the next one.
	ada.Wire.Close()
	ada.Ask(r.old.clients, enginePath)
	if !ada.Answer() {
		t.Error("the session is lost")
	}
	tell("late")
	r.hasNothing(ada.Wire)
	ada.Wire.Close()
	ada.Ask(r.pods[1].clients, enginePath)
	if !ada.Answer() {
		t.Error("the session is lost")
	}
	tell("soon")
	ada.Expect(`["told","late"]`, `["told","soon"]`)
}
