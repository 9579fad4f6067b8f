// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// journal is a log that tests read. Safe for concurrent use.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(text string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), text)
}

// unconnected returns a connection with a journal, and pauses that keep tests short.
func unconnected(o Options) (*Conn, *journal) {
	j := &journal{}
	o.Log, o.PingInterval, o.ReconnectWait = slog.New(slog.NewTextHandler(j, nil)), 100*time.Millisecond, time.Millisecond
	return New(o), j
}

// begin connects.
func begin(t *testing.T, o Options) (*Conn, *journal) {
	t.Helper()
	c, j := unconnected(o)
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, j
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "nats://" + l.Addr().String()
}

const notYet = "cannot connect to NATS yet"

// A person who looks at the log of a new gateway sees what it waits for, and no thousand lines.
func TestAServerThatIsNotThereIsLoggedOnce(t *testing.T) {
	checkNothingIsLeft(t)
	c, j := begin(t, Options{URLs: []string{closedPort(t), closedPort(t)}})
	await(t, "it has tried some times", func() bool { return c.Attempts() >= 20 })
	if n := j.count(notYet); n != 1 {
		t.Errorf("%d lines", n)
	}
	if c.Cause() != CauseUnreachable {
		t.Errorf("the cause is %v: %s", c.Cause(), c.Problem())
	}
	c.mu.Lock()
	c.told[CauseUnreachable] = time.Now().Add(-repeatNotice)
	c.mu.Unlock()
	await(t, "it is logged again after a minute", func() bool { return j.count(notYet) == 2 })
}

// hanging is a dialer that gets no answer before it is released.
type hanging struct{ released chan struct{} }

func (h hanging) Dial(string, string) (net.Conn, error) {
	<-h.released
	return nil, errors.New("released")
}

func TestAnAttemptThatTakesLongIsLogged(t *testing.T) {
	checkNothingIsLeft(t)
	h := hanging{make(chan struct{})}
	c, j := unconnected(Options{URLs: []string{"nats://127.0.0.1:4222"}, Dialer: h})
	c.notice = 10 * time.Millisecond
	connected := make(chan error, 1)
	go func() { connected <- c.Connect() }()
	await(t, "it is logged", func() bool { return j.count(errNoAnswer.Error()) == 1 })
	close(h.released)
	if err := <-connected; err != nil {
		t.Error(err)
	}
	c.Close()
}

func TestCausesAreToldApart(t *testing.T) {
	password := &natsserver.Options{Username: "gateway", Password: "secret"}
	for name, tt := range map[string]struct {
		server *natsserver.Options
		files  map[string]string
		cause  Cause
		says   string
	}{
		"a wrong password":             {password, map[string]string{"username": "gateway", "password": "wrong"}, CauseCredentials, "Authorization Violation"},
		"no credentials yet":           {password, nil, CauseCredentials, "none of user.creds"},
		"a server that has no TLS":     {password, map[string]string{"username": "gateway", "password": "secret", "ca.crt": "x"}, CauseTLS, ""},
		"a certificate that is broken": {password, map[string]string{"username": "gateway", "password": "secret", "tls.crt": "x"}, CauseTLS, ""},
	} {
		t.Run(name, func(t *testing.T) {
			checkNothingIsLeft(t)
			ns := natstest.Start(t, tt.server)
			c, j := begin(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: natstest.NewSecret(t, tt.files).Dir})
			await(t, "it is logged", func() bool { return j.count(notYet) >= 1 })
			await(t, "the cause is told", func() bool { return c.Cause() == tt.cause })
			if !strings.Contains(strings.ToLower(c.Problem()), strings.ToLower(tt.says)) {
				t.Errorf("the problem is %q", c.Problem())
			}
		})
	}
}

func TestCauseOfErrors(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want Cause
	}{
		{nats.ErrAuthExpired, CauseCredentials},
		{errors.New("nats: account authentication expired"), CauseCredentials},
		{fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: "nats", IsNotFound: true}), CauseUnreachable},
		{errors.New("x509: certificate signed by unknown authority"), CauseTLS},
		{errors.New("remote error: tls: bad certificate"), CauseTLS},
		{nats.ErrSecureConnRequired, CauseTLS},
		{nats.ErrMaxConnectionsExceeded, CauseOther},
		{context.DeadlineExceeded, CauseUnreachable}, // a net.Error
	} {
		if got := causeOf(tt.err); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}

// The tokens of a subject may be a session's id, which is a secret.
func TestWhatIsNotPermittedIsToldWithoutSecrets(t *testing.T) {
	checkNothingIsLeft(t)
	ns := natstest.Start(t, &natsserver.Options{Users: []*natsserver.User{{
		Username: "gateway", Password: "secret",
		Permissions: &natsserver.Permissions{Publish: &natsserver.SubjectPermission{Allow: []string{"other.>"}}},
	}}})
	secret := natstest.NewSecret(t, map[string]string{"username": "gateway", "password": "secret"})
	c, j := begin(t, Options{URLs: []string{ns.ClientURL()}, CredentialsDir: secret.Dir})
	await(t, "NATS is connected", c.Live)
	if c.Denied() != "" || c.Version() == "" || c.Cause() != CauseNone {
		t.Errorf("denied %q, version %q, cause %v", c.Denied(), c.Version(), c.Cause())
	}
	if err := c.NATS().Publish("rts.chat.session-id", nil); err != nil {
		t.Fatal(err)
	}
	await(t, "it is told", func() bool { return c.Denied() == "publish to rts.>" })
	if err := c.NATS().Publish("$JS.API.STREAM.INFO.secret", nil); err != nil {
		t.Fatal(err)
	}
	await(t, "it is told", func() bool { return c.Denied() == "publish to $JS.API.>" })
	if j.count("session-id") > 0 {
		t.Error("the log has the subject")
	}
}
