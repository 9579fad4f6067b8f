// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// reconnectWait is the pause between two tries at one server; jitter on top keeps gateways from knocking together.
const (
	reconnectWait   = 500 * time.Millisecond
	reconnectJitter = 500 * time.Millisecond
)

// connectOptions make a connection that never gives up (the client's default is to close for good after 60 tries) and
// that does not hear what it says itself.
func connectOptions(o Options) ([]nats.Option, error) {
	opts := []nats.Option{
		nats.Name("realtime gateway " + o.Gateway),
		nats.NoEcho(),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		nats.ConnectHandler(func(nc *nats.Conn) { o.Log.Info("connected to NATS", "server", nc.ConnectedUrlRedacted()) }),
		nats.ReconnectHandler(func(nc *nats.Conn) { o.Log.Info("reconnected to NATS", "server", nc.ConnectedUrlRedacted()) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				o.Log.Warn("lost NATS; clients of other gateways are out of reach until it is back", "error", err)
			}
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { logAsync(o.Log, err) }),
	}
	credentials, err := credentialOptions(o.CredentialsDir)
	if err != nil {
		return nil, err
	}
	return append(opts, credentials...), nil
}

// publisherOptions make a connection that ends where it breaks; see outbox.
func publisherOptions(o Options) ([]nats.Option, error) {
	credentials, err := credentialOptions(o.CredentialsDir)
	if err != nil {
		return nil, err
	}
	return append(credentials, nats.Name("realtime gateway "+o.Gateway+", log"), nats.NoReconnect(), nats.Timeout(prepareTimeout)), nil
}

func logAsync(log *slog.Logger, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		log.Error("this gateway is too slow for what NATS sends; messages are dropped", "error", err)
		return
	}
	log.Error("NATS reports an error", "error", err)
}

// credentialOptions reads a directory as a mounted Secret has it: user.creds (a NATS credentials file), or token, or username
// and password; and ca.crt, tls.crt, tls.key for TLS. They are read anew at each reconnect, so that they may be rotated.
func credentialOptions(dir string) ([]nats.Option, error) {
	if dir == "" {
		return nil, nil
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	has := func(name string) bool {
		_, err := os.Stat(file(name))
		return err == nil
	}
	var opts []nats.Option
	switch {
	case has("user.creds"):
		opts = append(opts, nats.UserCredentials(file("user.creds")))
	case has("token"):
		opts = append(opts, nats.TokenHandler(func() string { return readSecret(file("token")) }))
	case has("username") && has("password"):
		opts = append(opts, nats.UserInfoHandler(func() (string, string) {
			return readSecret(file("username")), readSecret(file("password"))
		}))
	case has("ca.crt"), has("tls.crt"):
	default:
		return nil, fmt.Errorf("read NATS credentials in %s: none of user.creds, token, username and password is there", dir)
	}
	if has("ca.crt") {
		opts = append(opts, nats.RootCAs(file("ca.crt")))
	}
	if has("tls.crt") {
		opts = append(opts, nats.ClientCert(file("tls.crt"), file("tls.key")))
	}
	return opts, nil
}

// readSecret is empty when the file cannot be read: the server then refuses, and says so, and the next reconnect
// reads again.
func readSecret(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
