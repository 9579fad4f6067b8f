// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// checkNothingIsLeft is called first, so that it checks last.
func checkNothingIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// connect connects, with pauses that keep tests short.
func connect(t *testing.T, o Options) *Conn {
	t.Helper()
	o.Log, o.PingInterval, o.ReconnectWait = slog.Default(), 100*time.Millisecond, 5*time.Millisecond
	c := New(o)
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

var await = wiretest.Await

func TestAGatewayWaitsForCredentialsThatComeLater(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{Username: "gateway", Password: "secret"})
	mounted := natstest.NewSecret(t, nil)
	c := connect(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.Dir})
	await(t, "the reason is told", func() bool { return strings.Contains(c.Problem(), "none of user.creds, token") })
	if c.Reached() {
		t.Error("NATS is said to have been reached")
	}
	mounted.Replace(map[string]string{"username": "gateway", "password": "secret"})
	await(t, "NATS is connected", c.Connected)
	await(t, "NATS has been reached", c.Reached)
}

// As a kubelet does that brings a changed Secret late, or an older one first.
func TestCredentialsThatAreHandedOverCountUntilTheFilesChange(t *testing.T) {
	checkNothingIsLeft(t)
	started := &natsserver.Options{Username: "gateway", Password: "first"}
	ns := natstest.Start(t, started)
	mounted := natstest.NewSecret(t, map[string]string{"username": "gateway", "password": "first"})
	c := connect(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.Dir})
	await(t, "NATS is connected", c.Connected)
	to := func(password string) {
		t.Helper()
		ns = natstest.Users(t, ns, started, func(o *natsserver.Options) { o.Password = password })
		await(t, "NATS refuses", func() bool { return !c.Connected() && c.Problem() != "" })
	}

	to("second")
	c.SetCredentials("gateway", "second")
	await(t, "NATS takes what was handed over", c.Connected)

	to("third")
	mounted.Replace(map[string]string{"username": "gateway", "password": "third"})
	await(t, "NATS takes what the newer files say", c.Connected)

	to("fifth")
	c.SetCredentials("gateway", "fifth")
	mounted.Replace(map[string]string{"username": "gateway", "password": "fourth"})
	await(t, "the files come into use", func() bool { return c.handed.current.Load() == nil || c.Connected() })
	c.SetCredentials("gateway", "fifth")
	await(t, "NATS takes what was handed over again", c.Connected)

	to("sixth")
	mounted.Replace(nil)
	await(t, "there are no files", func() bool { return strings.Contains(c.Problem(), "none of user.creds") })
	c.SetCredentials("gateway", "sixth")
	await(t, "NATS takes it without files", c.Connected)
}

// A Secret with an authority says that NATS must be encrypted, also if it comes later than the
// gateway.
func TestCredentialsWithAnAuthorityAreNotSentInPlainText(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{Username: "gateway", Password: "secret"})
	mounted := natstest.NewSecret(t, nil)
	c := connect(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: mounted.Dir})
	await(t, "it has no credentials", func() bool { return strings.Contains(c.Problem(), "none of") })
	mounted.Replace(map[string]string{"username": "gateway", "password": "secret", "ca.crt": "an authority"})
	await(t, "the reason is told", func() bool { return strings.Contains(c.Problem(), errPlaintext.Error()) })
	if c.Connected() {
		t.Error("the password was sent to a server without TLS")
	}
}

func TestTheKindOfCredentialsIsReadAtEachAttempt(t *testing.T) {
	type sent struct{ JWT, Token, User, Password, Err string }
	mounted := natstest.NewSecret(t, nil)
	options := nats.GetDefaultOptions()
	for _, set := range New(Options{CredentialsDir: mounted.Dir, URLs: []string{"nats://nats:4222"}}).credentialOptions(func(error) {}) {
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
		{"nothing", nil, sent{Err: "read NATS credentials in " + mounted.Dir + ": none of user.creds, token, or username and password is there"}},
		{"a username alone", map[string]string{"username": "ada"}, sent{User: "ada", Err: "read NATS credentials in " + mounted.Dir + ": none of user.creds, token, or username and password is there"}},
		{"a username and a password", password, sent{User: "ada", Password: "secret"}},
		{"a token first", tokenAndPassword, sent{Token: "letter"}},
		{"a credentials file before all", all, sent{JWT: "somebody"}},
		{"back to a password", password, sent{User: "ada", Password: "secret"}},
		{"an authority without TLS", map[string]string{"ca.crt": "x", "token": "letter"}, sent{Token: "letter", Err: errPlaintext.Error()}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mounted.Replace(tt.files)
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
	c := connect(t, Options{URLs: []string{proxy.URL()}})
	await(t, "NATS is connected", c.Connected)
	await(t, "nothing is on its way", func() bool { return c.nc.Flush() == nil })
	if err := proxy.Inject("-ERR 'Something That No Client Knows'\r\n"); err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
	if got := c.Status(); got != "closed" {
		t.Errorf("the state is %s", got)
	}
}

func TestErrorsNameServersWithoutTheirSecrets(t *testing.T) {
	err := New(Options{URLs: []string{"nats://ada:secret@127.0.0.1:bad,nats://letter@nats:4222"}}).Connect()
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
