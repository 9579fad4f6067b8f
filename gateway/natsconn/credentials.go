// SPDX-License-Identifier: Apache-2.0

package natsconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// The files of a credentials directory, which are the keys of the mounted Secret.
const (
	fileCreds    = "user.creds"
	fileToken    = "token"
	fileUsername = "username"
	filePassword = "password"
	fileCA       = "ca.crt"
	fileCert     = "tls.crt"
	fileKey      = "tls.key"
)

// errPlaintext protects credentials from a server, or from an attacker in between, that does not
// encrypt.
var errPlaintext = errors.New("NATS offers no TLS, but the credentials have ca.crt or tls.crt: nothing is sent in plain text")

// errNoCredentials: a directory has nothing by which to authenticate.
var errNoCredentials = errors.New("none of " + fileCreds + ", " + fileToken + ", or " + fileUsername + " and " + filePassword + " is there")

// credentials authenticate one connection, and all the connections that replace it, from a
// directory as a mounted Secret has it: user.creds (a NATS credentials file), or token, or username
// and password; and ca.crt, tls.crt and tls.key for TLS. Everything, the kind included, is read
// again at each attempt to connect, so that a Secret may be rotated, replaced by one of another
// kind, or come later than the gateway. A directory with none of it fails the attempt, not the
// gateway.
type credentials struct {
	dir string
	// handed replaces username and password, if it is newer.
	handed *handedCredentials
	// failed is called with the reason why an attempt was ended here.
	failed func(error)
	// encrypted reports whether the current attempt has completed a TLS handshake. The client
	// library makes one attempt at a time.
	encrypted atomic.Bool
}

// options returns the options with which a connection to these servers authenticates. A user in
// their URLs takes precedence over the directory's token or username.
func (c *credentials) options(urls []string) []nats.Option {
	options := []nats.Option{c.configure}
	if !nameUsers(urls) {
		options = append(options, nats.UserInfoHandler(c.user), nats.TokenHandler(c.token))
	}
	return options
}

// configure sets what nats.UserJWT, nats.RootCAs and nats.ClientCert would refuse to set while a
// file is missing.
func (c *credentials) configure(o *nats.Options) error {
	o.UserJWT, o.SignatureCB = c.begin, c.sign
	o.Secure = o.Secure || c.wantTLS()
	o.TLSConfig = &tls.Config{
		MinVersion: tls.VersionTLS12,
		VerifyConnection: func(tls.ConnectionState) error {
			c.encrypted.Store(true)
			return nil
		},
	}
	o.RootCAsCB = c.authorities
	o.TLSCertCB = c.certificate
	return nil
}

// authorities returns nil without ca.crt, which stands for the authorities of the system.
func (c *credentials) authorities() (*x509.CertPool, error) {
	if !c.has(fileCA) {
		return nil, nil
	}
	pem, err := os.ReadFile(c.file(fileCA))
	if err != nil {
		return nil, fmt.Errorf("read the authorities of NATS: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read the authorities of NATS: no certificate in %s", c.file(fileCA))
	}
	return pool, nil
}

// certificate returns an empty one without tls.crt.
func (c *credentials) certificate() (tls.Certificate, error) {
	if !c.has(fileCert) {
		return tls.Certificate{}, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.file(fileCert), c.file(fileKey))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("read the certificate for NATS: %w", err)
	}
	return certificate, nil
}

// begin is called by the client library before it sends anything. An error ends an attempt that has
// no credentials, or that would send them in plain text.
func (c *credentials) begin() (string, error) {
	jwt, err := c.jwt()
	if err != nil {
		c.failed(err)
	}
	return jwt, err
}

// jwt returns nothing if there is another kind of credentials.
func (c *credentials) jwt() (string, error) {
	if encrypted := c.encrypted.Swap(false); c.wantTLS() && !encrypted {
		return "", errPlaintext
	}
	switch {
	case c.has(fileCreds):
		var o nats.Options
		if err := nats.UserCredentials(c.file(fileCreds))(&o); err != nil {
			return "", err
		}
		return o.UserJWT()
	case c.has(fileToken), c.has(fileUsername) && c.has(filePassword), c.wantTLS():
		return "", nil
	}
	if name, password := c.user(); name != "" && password != "" { // like those that were handed over
		return "", nil
	}
	return "", fmt.Errorf("read NATS credentials in %s: %w", c.dir, errNoCredentials)
}

func (c *credentials) sign(nonce []byte) ([]byte, error) {
	var o nats.Options
	if err := nats.UserCredentials(c.file(fileCreds))(&o); err != nil {
		return nil, err
	}
	return o.SignatureCB(nonce)
}

func (c *credentials) token() string {
	if c.has(fileCreds) {
		return ""
	}
	return c.read(fileToken)
}

func (c *credentials) user() (name, password string) {
	if c.has(fileCreds) || c.has(fileToken) {
		return "", ""
	}
	return c.handed.instead(c.read(fileUsername), c.read(filePassword))
}

func (c *credentials) wantTLS() bool { return c.has(fileCA) || c.has(fileCert) }

func (c *credentials) file(name string) string { return filepath.Join(c.dir, name) }

func (c *credentials) has(name string) bool {
	_, err := os.Stat(c.file(name))
	return err == nil
}

// read returns nothing for a file that cannot be read: the server then refuses, and the next
// attempt reads again.
func (c *credentials) read(name string) string {
	b, err := os.ReadFile(c.file(name))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// nameUsers reports whether one of the URLs has a user or a token.
func nameUsers(urls []string) bool {
	for _, u := range splitURLs(urls) {
		if parsed, err := url.Parse(u); err == nil && parsed.User != nil {
			return true
		}
	}
	return false
}

// splitURLs splits lists at commas, like the client library.
func splitURLs(urls []string) []string {
	var all []string
	for _, list := range urls {
		for u := range strings.SplitSeq(list, ",") {
			all = append(all, strings.TrimSpace(u))
		}
	}
	return all
}

// redactURLs names servers in errors and logs without the secrets that their URLs may have: neither
// a password, nor a user, which is a token if there is no password.
func redactURLs(urls []string) string {
	all := splitURLs(urls)
	for i, u := range all {
		if at := strings.LastIndexByte(u, '@'); at >= 0 {
			scheme, _, found := strings.Cut(u[:at], "://")
			if !found {
				all[i] = "xxxxx@" + u[at+1:]
				continue
			}
			all[i] = scheme + "://xxxxx@" + u[at+1:]
		}
	}
	return strings.Join(all, ",")
}
