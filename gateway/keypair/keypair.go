// SPDX-License-Identifier: Apache-2.0

// Package keypair has a TLS certificate as Kubernetes mounts it: a folder with tls.crt and tls.key,
// which are renewed while the process runs.
package keypair

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/gateway/configfile"
)

// The files of the folder, as in a Secret of type kubernetes.io/tls.
const (
	certificateFile = "tls.crt"
	keyFile         = "tls.key"
)

// Pair is a certificate with its key. Safe for concurrent use.
type Pair struct {
	dir string

	mu          sync.Mutex
	files       [2][]byte        // guarded by mu: the certificate and the key, as they were last read
	certificate *tls.Certificate // guarded by mu
}

// Load reads the folder. It returns an error unless certificate and key exist and belong together.
func Load(dir string) (*Pair, error) {
	p := &Pair{dir: dir}
	if _, err := p.reload(); err != nil {
		return nil, err
	}
	return p, nil
}

// Get returns the newest certificate that could be read (tls.Config.GetCertificate).
func (p *Pair) Get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.certificate, nil
}

// NotAfter returns when the certificate expires.
func (p *Pair) NotAfter() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.certificate.Leaf.NotAfter
}

// Watch uses a renewed certificate whenever the files change, until the context ends. One that
// cannot be used is logged, and the old one stays. It returns an error only if the folder cannot be
// watched.
func (p *Pair) Watch(ctx context.Context, log *slog.Logger) error {
	changed := func([]byte) {
		switch renewed, err := p.reload(); {
		case err != nil:
			log.Error("the new certificate cannot be used, the old one stays", "until", p.NotAfter(), "error", err)
		case renewed:
			log.Info("the certificate is renewed", "until", p.NotAfter())
		}
	}
	p.mu.Lock()
	files := p.files
	p.mu.Unlock()
	// Both are watched: if they are written one after the other, only the second completes the
	// pair.
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range []string{certificateFile, keyFile} {
		group.Go(func() error { return configfile.Watch(ctx, filepath.Join(p.dir, name), files[i], changed) })
	}
	return group.Wait()
}

// reload reads the files, and reports whether they have changed.
func (p *Pair) reload() (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var files [2][]byte
	for i, name := range []string{certificateFile, keyFile} {
		data, err := os.ReadFile(filepath.Join(p.dir, name))
		if err != nil {
			return false, fmt.Errorf("read the certificate: %w", err)
		}
		files[i] = data
	}
	if bytes.Equal(files[0], p.files[0]) && bytes.Equal(files[1], p.files[1]) {
		return false, nil
	}
	certificate, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return false, fmt.Errorf("take the certificate of %s: %w", p.dir, err)
	}
	p.files, p.certificate = files, &certificate
	return true, nil
}
