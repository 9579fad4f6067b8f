// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

// lookEvery is how often files are read again. A kubelet takes a minute to update them, so this
// adds little; and a node has a limited number of file watches.
const lookEvery = 5 * time.Second

// Identity has what a gateway presents to its peers, what it trusts of theirs, and the keys of
// session ids. All of it may change while it is in use. Safe for concurrent use.
type Identity struct {
	current atomic.Pointer[generation]
}

// generation is the state of an identity at one time. It does not change.
type generation struct {
	files          map[string]string
	keys           sessionKeys
	server, client *tls.Config
}

// SealSessionID makes a session's id from one that names the gateway, such as those of
// cluster.NewSocketID.
func (i *Identity) SealSessionID(id string) string { return i.current.Load().keys.seal(id) }

// LoadIdentity reads an identity from a folder with the files of package gatewaypeers, such as a
// mounted Secret.
func LoadIdentity(dir string) (*Identity, error) {
	i := &Identity{}
	if _, err := i.reload(dir); err != nil {
		return nil, err
	}
	return i, nil
}

// Watch reads the folder repeatedly until the context ends. Invalid files are logged, and the
// previous identity stays.
func (i *Identity) Watch(ctx context.Context, dir string, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	i.watch(ctx, dir, log, tick.C)
}

func (i *Identity) watch(ctx context.Context, dir string, log *slog.Logger, tick <-chan time.Time) {
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		changed, err := i.reload(dir)
		switch {
		case err == nil && changed:
			log.Info("what this gateway shows to its peers has been renewed")
			told = ""
		case err != nil && err.Error() != told:
			// In the middle of an update one file may be newer than another; the next reading finds
			// them consistent.
			log.Warn("cannot renew what this gateway shows to its peers, the old one stays in force", "error", err)
			told = err.Error()
		}
	}
}

func (i *Identity) reload(dir string) (changed bool, err error) {
	files := map[string]string{}
	for _, name := range []string{gatewaypeers.Authorities, gatewaypeers.Certificate, gatewaypeers.Key, gatewaypeers.SessionKeys} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return false, fmt.Errorf("read a gateway's identity: %w", err)
		}
		files[name] = string(data)
	}
	if last := i.current.Load(); last != nil && same(last.files, files) {
		return false, nil
	}
	next, err := newGeneration(files)
	if err != nil {
		return false, fmt.Errorf("read a gateway's identity in %s: %w", dir, err)
	}
	i.current.Store(next)
	return true, nil
}

func same(a, b map[string]string) bool {
	for name := range b {
		if a[name] != b[name] {
			return false
		}
	}
	return true
}

func newGeneration(files map[string]string) (*generation, error) {
	keys, err := parseKeys([]byte(files[gatewaypeers.SessionKeys]))
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair([]byte(files[gatewaypeers.Certificate]), []byte(files[gatewaypeers.Key]))
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(files[gatewaypeers.Authorities])) {
		return nil, errors.New("no authority's certificate is there")
	}
	return &generation{
		files: files,
		keys:  keys,
		server: &tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{pair},
			ClientAuth:   tls.RequireAndVerifyClientCert,
			ClientCAs:    trusted,
			// A resumed session is not asked for its certificate.
			SessionTicketsDisabled: true,
		},
		client: &tls.Config{
			MinVersion:   tls.VersionTLS13,
			Certificates: []tls.Certificate{pair},
			RootCAs:      trusted,
			ServerName:   gatewaypeers.ServerName,
		},
	}, nil
}

// ServerConfig returns the configuration of the listener for peers: each connection uses what is in
// force then.
func (i *Identity) ServerConfig() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		GetConfigForClient:     func(*tls.ClientHelloInfo) (*tls.Config, error) { return i.current.Load().server, nil },
	}
}

func (i *Identity) clientConfig() *tls.Config { return i.current.Load().client }

// owner returns the owner of a session by its id, if a gateway of the service has made the id.
func (i *Identity) owner(sessionID string) (string, bool) {
	return i.current.Load().keys.owner(sessionID)
}
