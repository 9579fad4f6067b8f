// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Cause is a kind of reason why NATS is not connected.
type Cause int

// The causes. There is another remedy for each.
const (
	// CauseNone: NATS is connected.
	CauseNone Cause = iota
	// CauseOther is none of those below.
	CauseOther
	// CauseUnreachable: no server accepts a connection, or there is none of that name.
	CauseUnreachable
	// CauseCredentials: there are no credentials, or NATS refuses them.
	CauseCredentials
	// CauseTLS: the two sides do not trust each other's certificates, or one does not encrypt.
	CauseTLS
)

const (
	// firstNotice is when a connection that is still not established is reported, whatever it waits
	// for: a name server that does not answer takes a minute.
	firstNotice = 5 * time.Second
	// repeatNotice is how often the same cause is reported again.
	repeatNotice = time.Minute
)

// errNoAnswer: nothing has come of the first attempts to connect yet.
var errNoAnswer = errors.New("no server has answered yet")

// causeOf returns of what kind a failure to connect is. The client library has no types for what a
// server says when it refuses a user who once was connected.
func causeOf(err error) Cause {
	var (
		verification *tls.CertificateVerificationError
		unknown      x509.UnknownAuthorityError
		hostname     x509.HostnameError
		record       tls.RecordHeaderError
		alert        tls.AlertError
		network      net.Error
	)
	text := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, errNoCredentials), errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired),
		errors.Is(err, nats.ErrAuthRevoked), errors.Is(err, nats.ErrAccountAuthExpired),
		strings.Contains(text, "authorization violation"), strings.Contains(text, "authentication"):
		return CauseCredentials
	case errors.Is(err, errPlaintext), errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted),
		errors.As(err, &verification), errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &record), errors.As(err, &alert),
		strings.Contains(text, "tls: "), strings.Contains(text, "x509: "):
		return CauseTLS
	case errors.Is(err, errNoAnswer), errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrStaleConnection),
		errors.Is(err, io.EOF), errors.As(err, &network):
		return CauseUnreachable
	}
	return CauseOther
}

// Cause returns of what kind Problem is.
func (c *Conn) Cause() Cause {
	if c.Connected() {
		return CauseNone
	}
	if err := c.why(); err != nil {
		return causeOf(err)
	}
	return CauseOther
}

// Version returns the release of the connected server, such as 2.11.3; empty without one.
func (c *Conn) Version() string {
	if !c.Connected() {
		return ""
	}
	return c.nc.ConnectedServerVersion()
}

// Denied returns what NATS has last refused to permit on this connection, such as "publish to
// rts.>"; empty if nothing.
func (c *Conn) Denied() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.denied
}

// refused is how a server says what it does not permit.
var refused = regexp.MustCompile(`(?i)permissions violation for (publish|subscription) to "([^"]*)"`)

// denial returns what a server does not permit, without the tokens of the subject that may be a
// secret.
func denial(err error) string {
	found := refused.FindStringSubmatch(err.Error())
	if found == nil {
		return "something that it does not name"
	}
	root, rest, more := strings.Cut(found[2], ".")
	if root == "$JS" {
		second, _, _ := strings.Cut(rest, ".")
		root += "." + second
	}
	if more {
		root += ".>"
	}
	verb := "publish to "
	if strings.EqualFold(found[1], "subscription") {
		verb = "subscribe to "
	}
	return verb + root
}
