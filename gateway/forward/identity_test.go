// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
)

func files(t *testing.T) map[string]string {
	t.Helper()
	secret := make([]byte, SecretBytes)
	_, _ = rand.Read(secret) // never fails (crypto/rand)
	f, err := sharedFiles(secret)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func load(t *testing.T, files map[string]string) (*Identity, string) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	i, err := LoadIdentity(dir)
	if err != nil {
		t.Fatal(err)
	}
	return i, dir
}

// owner is a gateway that listens for peers. It answers with what it sees of a request.
func owner(t *testing.T, i *Identity) string {
	t.Helper()
	hs := httptest.NewUnstartedServer(PeerHandler(PeerOptions{
		Path:    func() string { return "/socket.io/" },
		Release: func(string) {},
		Local: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.TLS != nil || r.Header.Get(clientAddressHeader) != "" {
				t.Error("a session sees what is between gateways")
			}
			io.WriteString(w, r.RemoteAddr+" "+r.Host+" "+r.URL.RawQuery+" "+r.Header.Get("X-Forwarded-For"))
		}),
	}))
	hs.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(t.Output(), nil), slog.LevelDebug)
	hs.Listener = tls.NewListener(hs.Listener, i.ServerConfig())
	hs.Start()
	t.Cleanup(hs.Close)
	return hs.Listener.Addr().String()
}

// through sends a client's request through a gateway to an owner.
func through(t *testing.T, i *Identity, address, target string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	f := New(Options{
		Self: "myself00", AwaitGone: untilEnd, Identity: i, MaxPayload: func() int64 { return 1000 }, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Local: http.NotFoundHandler(),
	})
	defer f.Close()
	r, w := httptest.NewRequest("GET", target, nil), httptest.NewRecorder()
	r.RemoteAddr = "192.0.2.7:1234"
	for _, e := range edit {
		e(r)
	}
	f.forward(w, r, "gateway1", address)
	return w
}

func TestRow56TheOwnerSeesTheClient(t *testing.T) {
	i, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	w := through(t, i, owner(t, i), "http://chat.example.com/socket.io/?EIO=4;x&sid=a%2fb", func(r *http.Request) {
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		r.Header.Set(clientAddressHeader, "6.6.6.6:1")
	})
	if want := "192.0.2.7:1234 chat.example.com EIO=4;x&sid=a%2fb 203.0.113.9"; w.Body.String() != want {
		t.Errorf("it sees %d %s, want %s", w.Code, w.Body, want)
	}
}

// A certificate of the service's authority is not enough: NATS has one, too. What is no gateway's
// cannot say who a client is.
func TestOtherCertificatesOfTheServiceAreNoPeers(t *testing.T) {
	for name, status := range map[string]int{
		gatewaypeers.ServerName: http.StatusOK, "chat-nats.default.svc": http.StatusForbidden, gatewaypeers.OperatorName: http.StatusForbidden,
	} {
		h := PeerHandler(PeerOptions{
			Path:  func() string { return "/socket.io/" },
			Local: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }),
		})
		r, w := httptest.NewRequest("GET", "/socket.io/?sid=a", nil), httptest.NewRecorder()
		r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{{DNSNames: []string{name}}}}}
		r.Header.Set(clientAddressHeader, "203.0.113.9:1")
		h.ServeHTTP(w, r)
		if believed := w.Body.String() == "203.0.113.9:1"; w.Code != status || believed != (status == http.StatusOK) {
			t.Errorf("%s is answered %d %s", name, w.Code, w.Body)
		}
	}
}

func TestRow56OnlyPeersAreServed(t *testing.T) {
	i, _ := load(t, files(t))
	foreign, _ := load(t, files(t))
	address := owner(t, i)
	if w := through(t, foreign, address, "/socket.io/?sid=a"); w.Code != http.StatusNotFound {
		t.Errorf("a gateway of another service is answered %d", w.Code)
	}
	// It believes the other one, but is not believed.
	mixed := files(t)
	mixed[gatewaypeers.Authorities] = i.current.Load().files[gatewaypeers.Authorities]
	intruder, _ := load(t, mixed)
	if w := through(t, intruder, address, "/socket.io/?sid=a"); w.Code != http.StatusNotFound {
		t.Errorf("a foreign certificate is answered %d", w.Code)
	}
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: i.clientConfig().RootCAs, ServerName: gatewaypeers.ServerName})
	if err == nil {
		if _, err = conn.Read(make([]byte, 1)); err == nil || strings.Contains(err.Error(), "EOF") {
			t.Errorf("who has no certificate is told %v", err)
		}
		conn.Close()
	}
	for _, target := range []string{"/socket.io/?EIO=4", "/metrics?sid=a", "/?sid=a"} {
		if w := through(t, i, address, target); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered %d", target, w.Code)
		}
	}
	plain := httptest.NewRecorder()
	PeerHandler(PeerOptions{Path: func() string { return "/" }}).ServeHTTP(plain, httptest.NewRequest("GET", "/?sid=a", nil))
	if plain.Code != http.StatusForbidden && plain.Code != http.StatusNotFound {
		t.Errorf("without TLS it is answered %d", plain.Code)
	}
}

// watching has an identity read its folder again at each look, which returns when it is done.
func watching(t *testing.T, i *Identity, dir string) (look, stop func()) {
	tick, ended := make(chan time.Time), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		i.watch(ctx, dir, slog.New(slog.NewTextHandler(t.Output(), nil)), tick)
	}()
	look = func() {
		tick <- time.Time{}
		tick <- time.Time{} // is taken when the one before has been dealt with
	}
	return look, func() {
		cancel()
		<-ended
	}
}

// TestRow56IdentitiesAreRenewedInUse goes through the steps of a renewal, with one gateway always
// behind.
func TestRow56IdentitiesAreRenewedInUse(t *testing.T) {
	old, young := files(t), files(t)
	trusting, using := maps.Clone(old), maps.Clone(young)
	trusting[gatewaypeers.Authorities] += young[gatewaypeers.Authorities]
	trusting[gatewaypeers.SessionKeys] += young[gatewaypeers.SessionKeys]
	using[gatewaypeers.Authorities] = trusting[gatewaypeers.Authorities]
	using[gatewaypeers.SessionKeys] += old[gatewaypeers.SessionKeys]
	one, oneDir := load(t, old)
	look, stop := watching(t, one, oneDir)
	defer stop()
	two, twoDir := load(t, old)
	address := owner(t, one)
	const id = "gateway10123456789abcdef"
	first := two.SealSessionID(id)
	for step, next := range []map[string]string{trusting, using} {
		write(t, oneDir, next)
		look()
		check := func() {
			t.Helper()
			if w := through(t, two, address, "/socket.io/?sid=a"); w.Code != http.StatusOK {
				t.Errorf("step %d: answered %d", step, w.Code)
			}
			if _, ok := one.owner(two.SealSessionID(id)); !ok {
				t.Errorf("step %d: an id is refused", step)
			}
			if _, ok := two.owner(one.SealSessionID(id)); !ok {
				t.Errorf("step %d: an id is refused by one that is behind", step)
			}
			if _, ok := one.owner(first); !ok {
				t.Errorf("step %d: a session from before is refused", step)
			}
		}
		check()
		write(t, twoDir, next)
		if changed, err := two.reload(twoDir); !changed || err != nil {
			t.Fatalf("step %d: %v, %v", step, changed, err)
		}
		check()
	}
	// Half of a change is none.
	if err := os.WriteFile(filepath.Join(oneDir, gatewaypeers.Key), []byte(old[gatewaypeers.Key]), 0o600); err != nil {
		t.Fatal(err)
	}
	look()
	if w := through(t, two, address, "/socket.io/?sid=a"); w.Code != http.StatusOK {
		t.Errorf("after it: answered %d", w.Code)
	}
}
