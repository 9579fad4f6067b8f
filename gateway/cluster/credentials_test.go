// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// soon is a timing that keeps tests short.
var soon = timing{
	heartbeat: 50 * time.Millisecond, dead: 500 * time.Millisecond, census: 20 * time.Millisecond,
	ping: 100 * time.Millisecond, reconnect: 5 * time.Millisecond,
}

// secret is a mounted Secret.
type secret struct {
	t   *testing.T
	dir string
}

func newSecret(t *testing.T, files map[string]string) *secret {
	s := &secret{t, t.TempDir()}
	s.replace(files)
	return s
}

// replace removes what is there, and puts other files in its place.
func (s *secret) replace(files map[string]string) {
	s.t.Helper()
	old, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			s.t.Fatal(err)
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// Any second refusal made the client library close the connection for good.
func TestAGatewayOutlastsEveryChangeOfItsCredentials(t *testing.T) {
	for name, recovery := range map[string]*Recovery{
		"core NATS": nil,
		"recovery":  {MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			started := &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), Username: "gateway", Password: "first"}
			ns := natstest.Start(t, started)
			mounted := newSecret(t, map[string]string{"username": "gateway", "password": "first"})
			o := Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.dir, Recovery: recovery, timing: soon}
			one, two := newGateway(t, o), newGateway(t, o)
			both := func(is func(*gateway) bool) func() bool { return func() bool { return is(one) && is(two) } }
			usable := both(func(g *gateway) bool { return g.cluster.Connected() && g.cluster.LogReady() })
			await(t, "NATS is there", usable)
			far, _ := two.client(t, "room")

			for i, round := range []struct {
				files  map[string]string
				server func(*natsserver.Options)
			}{
				{map[string]string{"username": "gateway", "password": "second"}, func(o *natsserver.Options) { o.Password = "second" }},
				{map[string]string{"token": "third"}, func(o *natsserver.Options) { o.Username, o.Password, o.Authorization = "", "", "third" }},
				{map[string]string{"username": "gateway", "password": "fourth"}, func(o *natsserver.Options) { o.Password = "fourth" }},
			} {
				ns = natstest.Users(t, ns, started, round.server)
				if i == 2 {
					mounted.replace(nil) // the Secret is deleted before it is made again
				}
				before := map[*gateway]uint64{one: one.cluster.link.attempts.Load(), two: two.cluster.link.attempts.Load()}
				await(t, "both are refused five times", both(func(g *gateway) bool {
					return g.cluster.link.attempts.Load() >= before[g]+5
				}))
				want := "authorization violation"
				if i == 2 {
					want = "none of user.creds"
				}
				await(t, "the reason is told", both(func(g *gateway) bool {
					return strings.Contains(strings.ToLower(g.cluster.Problem()), want)
				}))

				mounted.replace(round.files)

				await(t, "NATS lets them in", usable)
				if problem := one.cluster.Problem(); problem != "" {
					t.Errorf("while NATS is connected, the problem is %q", problem)
				}
				waitForPeers(t, one.cluster, 1)
				if err := two.cluster.nc.Flush(); err != nil { // its subscriptions are with the server
					t.Fatal(err)
				}
				emit(t, one.io.To("room"), "round", i)
				if got, want := far.Receive(), fmt.Sprintf(`42["round",%d`, i); !strings.HasPrefix(got, want) {
					t.Fatalf("received %s, want %s", got, want)
				}
			}
		})
	}
}

func TestAGatewayWaitsForCredentialsThatComeLater(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{Username: "gateway", Password: "secret"})
	mounted := newSecret(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.dir, timing: soon})
	await(t, "the reason is told", func() bool { return strings.Contains(g.cluster.Problem(), "none of user.creds, token") })
	if g.cluster.Reached() {
		t.Error("NATS is said to have been reached")
	}
	mounted.replace(map[string]string{"username": "gateway", "password": "secret"})
	await(t, "NATS is connected", g.cluster.Connected)
	await(t, "NATS has been reached", g.cluster.Reached)
}

// As a kubelet does that brings a changed Secret late, or an older one first.
func TestCredentialsThatAreHandedOverCountUntilTheFilesChange(t *testing.T) {
	checkNothingIsLeft(t)
	started := &natsserver.Options{Username: "gateway", Password: "first"}
	ns := natstest.Start(t, started)
	mounted := newSecret(t, map[string]string{"username": "gateway", "password": "first"})
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.dir, timing: soon})
	await(t, "NATS is connected", g.cluster.Connected)
	to := func(password string) {
		t.Helper()
		ns = natstest.Users(t, ns, started, func(o *natsserver.Options) { o.Password = password })
		await(t, "NATS refuses", func() bool { return !g.cluster.Connected() && g.cluster.Problem() != "" })
	}

	to("second")
	g.cluster.SetCredentials("gateway", "second")
	await(t, "NATS takes what was handed over", g.cluster.Connected)

	to("third")
	mounted.replace(map[string]string{"username": "gateway", "password": "third"})
	await(t, "NATS takes what the newer files say", g.cluster.Connected)

	to("fifth")
	g.cluster.SetCredentials("gateway", "fifth")
	mounted.replace(map[string]string{"username": "gateway", "password": "fourth"})
	await(t, "the files come into use", func() bool { return g.cluster.handed.current.Load() == nil || g.cluster.Connected() })
	g.cluster.SetCredentials("gateway", "fifth")
	await(t, "NATS takes what was handed over again", g.cluster.Connected)

	to("sixth")
	mounted.replace(nil)
	await(t, "there are no files", func() bool { return strings.Contains(g.cluster.Problem(), "none of user.creds") })
	g.cluster.SetCredentials("gateway", "sixth")
	await(t, "NATS takes it without files", g.cluster.Connected)
}

// A Secret with an authority says that NATS must be encrypted, also if it comes later than the
// gateway.
func TestCredentialsWithAnAuthorityAreNotSentInPlainText(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{Username: "gateway", Password: "secret"})
	mounted := newSecret(t, nil)
	g := newGateway(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.dir, timing: soon})
	await(t, "it has no credentials", func() bool { return strings.Contains(g.cluster.Problem(), "none of") })
	mounted.replace(map[string]string{"username": "gateway", "password": "secret", "ca.crt": "an authority"})
	await(t, "the reason is told", func() bool { return strings.Contains(g.cluster.Problem(), errPlaintext.Error()) })
	if g.cluster.Connected() {
		t.Error("the password was sent to a server without TLS")
	}
}

func TestTheKindOfCredentialsIsReadAtEachAttempt(t *testing.T) {
	type sent struct{ JWT, Token, User, Password, Err string }
	mounted := newSecret(t, nil)
	options := nats.GetDefaultOptions()
	for _, set := range credentialOptions(Options{CredentialsDir: mounted.dir, URLs: []string{"nats://nats:4222"}}, func(error) {}) {
		if err := set(&options); err != nil {
			t.Fatal(err)
		}
	}
	creds := "-----BEGIN NATS USER JWT-----\nsomebody\n------END NATS USER JWT------\n"
	password := map[string]string{"username": "ada\n", "password": "secret\n"}
	tokenAndPassword := maps.Clone(password)
	tokenAndPassword["token"] = "letter\n"
	all := maps.Clone(tokenAndPassword)
	all["user.creds"] = creds
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  sent
	}{
		{"nothing", nil, sent{Err: "read NATS credentials in " + mounted.dir + ": none of user.creds, token, or username and password is there"}},
		{"a username alone", map[string]string{"username": "ada"}, sent{User: "ada", Err: "read NATS credentials in " + mounted.dir + ": none of user.creds, token, or username and password is there"}},
		{"a username and a password", password, sent{User: "ada", Password: "secret"}},
		{"a token first", tokenAndPassword, sent{Token: "letter"}},
		{"a credentials file before all", all, sent{JWT: "somebody"}},
		{"back to a password", password, sent{User: "ada", Password: "secret"}},
		{"an authority without TLS", map[string]string{"ca.crt": "x", "token": "letter"}, sent{Token: "letter", Err: errPlaintext.Error()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mounted.replace(tt.files)
			var got sent
			got.User, got.Password = options.UserInfo()
			jwt, err := options.UserJWT()
			got.JWT, got.Token = jwt, options.TokenHandler()
			if err != nil {
				got.Err = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("credentials (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAConnectionThatEndsForGoodIsTold(t *testing.T) {
	checkNothingIsLeft(t)
	proxy := natstest.NewProxy(t, natstest.Start(t, nil).ClientURL())
	g := newGateway(t, Options{URLs: []string{proxy.URL()}})
	await(t, "NATS is connected", g.cluster.Connected)
	await(t, "nothing is on its way", func() bool { return g.cluster.nc.Flush() == nil })
	if err := proxy.Inject("-ERR 'Something That No Client Knows'\r\n"); err != nil {
		t.Fatal(err)
	}
	<-g.cluster.Ended()
	if got := g.cluster.Status(); got != "closed" {
		t.Errorf("the state is %s", got)
	}
}

func TestErrorsNameServersWithoutTheirSecrets(t *testing.T) {
	_, err := Connect(Options{URLs: []string{"nats://ada:secret@127.0.0.1:bad,nats://letter@nats:4222"}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{"ada", "secret", "letter"} {
		if strings.Contains(err.Error(), word) {
			t.Errorf("the error has %q: %v", word, err)
		}
	}
	if !strings.Contains(err.Error(), "127.0.0.1:bad") {
		t.Errorf("the error does not name the server: %v", err)
	}
	var parse *url.Error
	if errors.As(err, &parse) {
		t.Errorf("the error carries %q", parse.URL)
	}
}
