// SPDX-License-Identifier: Apache-2.0

package keypair_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/keypair"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines are what is logged.
type lines chan string

func (l lines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

func (l lines) await(t *testing.T, part string) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, part) {
				return
			}
		case <-deadline:
			t.Fatalf("nothing is logged with %q", part)
		}
	}
}

func shown(t *testing.T, p *keypair.Pair) string {
	t.Helper()
	certificate, err := p.Get(nil)
	if err != nil {
		t.Fatal(err)
	}
	return certificate.Leaf.Subject.CommonName
}

func TestRenewedCertificateIsTaken(t *testing.T) {
	dir := t.TempDir()
	certtest.Mount(t, dir, certtest.New(t, "first"))
	p, err := keypair.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got := shown(t, p); got != "first" {
		t.Errorf("it shows %s", got)
	}
	if left := time.Until(p.NotAfter()); left <= 0 || left > 24*time.Hour {
		t.Errorf("it ends in %s", left)
	}
	logs := make(lines, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.Watch(ctx, slog.New(slog.NewTextHandler(logs, nil))) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})

	certtest.Mount(t, dir, certtest.New(t, "second"))
	logs.await(t, "the certificate is renewed")
	if got := shown(t, p); got != "second" {
		t.Errorf("it shows %s", got)
	}

	// The certificate of one and the key of another.
	mixed := certtest.New(t, "third")
	mixed.Key = certtest.New(t, "fourth").Key
	certtest.Mount(t, dir, mixed)
	logs.await(t, "the old one stays")
	if got := shown(t, p); got != "second" {
		t.Errorf("it shows %s", got)
	}

	certtest.Mount(t, dir, certtest.New(t, "fifth"))
	logs.await(t, "the certificate is renewed")
	if got := shown(t, p); got != "fifth" {
		t.Errorf("it shows %s", got)
	}
}

func TestLoadRefuses(t *testing.T) {
	for i, test := range []struct {
		name, certificate, key, want string
	}{
		{"no certificate", "", "key", "tls.crt: no such file"},
		{"no key", "certificate", "", "tls.key: no such file"},
		{"what is none", "certificate", "key", "failed to find any PEM data"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), fmt.Sprint(i))
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			for name, content := range map[string]string{"tls.crt": test.certificate, "tls.key": test.key} {
				if content == "" {
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := keypair.Load(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}
