// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"context"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
)

func jsonText(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// issuer is a server with a JWK set, which a test can change.
type issuer struct {
	*httptest.Server
	fetches atomic.Int64
	answer  atomic.Pointer[http.HandlerFunc]
}

func startIssuer(t *testing.T, answer http.HandlerFunc) *issuer {
	t.Helper()
	i := &issuer{}
	i.set(answer)
	i.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		(*i.answer.Load())(w, r)
	}))
	i.Config.ErrorLog = log.New(io.Discard, "", 0)
	i.Start()
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) set(answer http.HandlerFunc) { i.answer.Store(&answer) }

// serving answers with a JWK set.
func serving(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }
}

func failing(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "down", http.StatusServiceUnavailable)
}

// lease is that of a Remote which tells of each fetch.
func lease(t *testing.T, c RemoteConfig) (*Lease, <-chan Result) {
	t.Helper()
	results := make(chan Result, 1024)
	g := &Registry{Fetched: func(r Result) { results <- r }}
	c.AllowHTTP = true
	l, err := g.Lease(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l, results
}

func expectResult(t *testing.T, results <-chan Result, want Result) {
	t.Helper()
	select {
	case got := <-results:
		if got != want {
			t.Fatalf("the fetch ended with %q, want %q", got, want)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("no fetch ends with %q", want)
	}
}

var (
	keyA, keyB = jwttest.EC("a", elliptic.P256()), jwttest.EC("b", elliptic.P256())
)

func TestTheSetIsFetchedOnceForAllWhoWait(t *testing.T) {
	arrived, answered := make(chan struct{}), make(chan struct{})
	i := startIssuer(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-answered
		serving(jwttest.Set(t, keyA))(w, r)
	})
	l, _ := lease(t, RemoteConfig{URL: i.URL})
	<-arrived
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if set, err := l.Keys(t.Context()); err != nil || set.Len() != 1 {
				t.Errorf("%+v, %v", set, err)
			}
		})
	}
	close(answered)
	group.Wait()
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestWhoWaitsForKeysWaitsAtMostForItsContext(t *testing.T) {
	answered := make(chan struct{})
	i := startIssuer(t, func(http.ResponseWriter, *http.Request) { <-answered })
	defer close(answered)
	l, _ := lease(t, RemoteConfig{URL: i.URL})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Keys(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestUnknownKeysCauseOneFetchPerCoolDown(t *testing.T) {
	i := startIssuer(t, serving(jwttest.Set(t, keyA)))
	l, results := lease(t, RemoteConfig{URL: i.URL, CoolDown: time.Hour})
	expectResult(t, results, Fetched)
	l.allowFetch()
	set, err := l.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 500 {
				newer, err := l.Newer(t.Context(), set)
				if err != nil || newer.Len() != 1 {
					t.Errorf("%+v, %v", newer, err)
				}
			}
		})
	}
	group.Wait()
	if n := i.fetches.Load(); n > 2 {
		t.Errorf("%d fetches for 10,000 unknown keys", n)
	}
}

// allowFetch has the cool-down end.
func (r *Remote) allowFetch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = time.Time{}
}

func TestANewKeyIsFetchedWhenATokenNamesIt(t *testing.T) {
	i := startIssuer(t, serving(jwttest.Set(t, keyA)))
	l, results := lease(t, RemoteConfig{URL: i.URL, CoolDown: time.Hour})
	expectResult(t, results, Fetched)
	set, err := l.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i.set(serving(jwttest.Set(t, keyA, keyB)))
	if newer, err := l.Newer(t.Context(), set); err != nil || newer != set {
		t.Errorf("within the cool-down: %+v, %v", newer, err)
	}
	l.allowFetch()
	newer, err := l.Newer(t.Context(), set)
	if err != nil || newer == set || newer.Len() != 2 {
		t.Errorf("after the cool-down: %+v, %v", newer, err)
	}
	if again, err := l.Newer(t.Context(), set); err != nil || again != newer {
		t.Errorf("for a token that was looked up before: %+v, %v", again, err)
	}
}

func TestTheSetIsRefreshed(t *testing.T) {
	i := startIssuer(t, serving(jwttest.Set(t, keyA)))
	l, results := lease(t, RemoteConfig{URL: i.URL, Refresh: 10 * time.Millisecond})
	expectResult(t, results, Fetched)
	i.set(serving(jwttest.Set(t, keyB)))
	eventually(t, results, func() bool {
		set, err := l.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, hasA := set.Find("a", "ES256")
		_, hasB := set.Find("b", "ES256")
		return !hasA && hasB
	})
	// An issuer that has taken back all its keys is obeyed.
	i.set(serving([]byte(`{"keys":[]}`)))
	eventually(t, results, func() bool {
		_, err := l.Keys(t.Context())
		return errors.Is(err, ErrNoKeys)
	})
	if s := l.Status(); !errors.Is(s.LastError, ErrNoKeys) || s.Keys != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAnEmptySetIsSoonFetchedAgain(t *testing.T) {
	i := startIssuer(t, serving([]byte(`{"keys":[]}`)))
	l, results := lease(t, RemoteConfig{URL: i.URL})
	expectResult(t, results, Fetched)
	i.set(serving(jwttest.Set(t, keyA)))
	expectResult(t, results, Fetched)
	if set, err := l.Keys(t.Context()); err != nil || set.Len() != 1 {
		t.Errorf("%+v, %v", set, err)
	}
}

// eventually waits for fetches until something is true.
func eventually(t *testing.T, results <-chan Result, is func() bool) {
	t.Helper()
	for !is() {
		select {
		case <-results:
		case <-time.After(30 * time.Second):
			t.Fatal("no fetch brings it about")
		}
	}
}

func TestKeysRemainWhileTheIssuerIsDown(t *testing.T) {
	i := startIssuer(t, serving(jwttest.Set(t, keyA)))
	l, results := lease(t, RemoteConfig{URL: i.URL, Refresh: 10 * time.Millisecond})
	expectResult(t, results, Fetched)
	i.set(failing)
	for r := range results {
		if r == BadStatus {
			break
		}
	}
	set, err := l.Keys(t.Context())
	if err != nil || set.Len() != 1 {
		t.Fatalf("%+v, %v", set, err)
	}
	s := l.Status()
	if s.LastError == nil || s.LastSuccess.IsZero() || s.Keys != 1 || s.Fetches[BadStatus] == 0 || s.Fetches[Fetched] == 0 {
		t.Errorf("status %+v", s)
	}
	if newer, err := l.Newer(t.Context(), set); !errors.Is(err, ErrNotFetched) && newer == set {
		t.Errorf("an unknown key while the issuer is down: %+v, %v", newer, err)
	}
	i.set(serving(jwttest.Set(t, keyA, keyB)))
	eventually(t, results, func() bool { return l.Status().Keys == 2 && l.Status().LastError == nil })
}

// A gateway starts while its issuer is down, and has the keys when the issuer is back.
func TestItStartsWhileTheIssuerIsUnreachable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	l, results := lease(t, RemoteConfig{URL: "http://" + address, Refresh: 10 * time.Millisecond})
	if _, err := l.Keys(t.Context()); !errors.Is(err, ErrNotFetched) {
		t.Fatalf("error %v", err)
	}
	expectResult(t, results, Unreachable)
	if s := l.Status(); s.LastError == nil || !s.LastSuccess.IsZero() || s.LastAttempt.IsZero() || s.Keys != 0 {
		t.Errorf("status %+v", s)
	}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	server := &http.Server{Handler: serving(jwttest.Set(t, keyA)), ReadHeaderTimeout: time.Minute}
	go server.Serve(listener)
	defer server.Close()
	eventually(t, results, func() bool {
		set, err := l.Keys(t.Context())
		return err == nil && set.Len() == 1
	})
}

func TestFetchesThatFail(t *testing.T) {
	big := []byte(`{"keys":[]}` + strings.Repeat(" ", maxSetBytes)) // what is read of it is a set
	elsewhere := startIssuer(t, serving(jwttest.Set(t, keyA)))
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   Result
	}{
		"down":              {failing, BadStatus},
		"not found":         {http.NotFound, BadStatus},
		"no content":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, BadStatus},
		"broken JSON":       {serving([]byte(`{"keys":[`)), Invalid},
		"a page":            {serving([]byte(`<html>sign in</html>`)), Invalid},
		"nothing":           {serving(nil), Invalid},
		"larger than bound": {serving(big), Invalid},
		"half of the answer": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			w.Write([]byte("{"))
		}, Unreachable},
		"a closed connection": {func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler)
		}, Unreachable},
		"a redirect that never ends": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }, Unreachable},
		"a redirect to a file": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, Unreachable},
		"a redirect with a user": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://a:b@"+strings.TrimPrefix(elsewhere.URL, "http://"), http.StatusFound)
		}, Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			i := startIssuer(t, c.answer)
			l, results := lease(t, RemoteConfig{URL: i.URL})
			expectResult(t, results, c.want)
			if _, err := l.Keys(t.Context()); !errors.Is(err, ErrNotFetched) {
				t.Errorf("error %v", err)
			}
			if n := i.fetches.Load(); n > maxRedirects+1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestARedirectIsFollowed(t *testing.T) {
	elsewhere := startIssuer(t, serving(jwttest.Set(t, keyA)))
	i := startIssuer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) })
	l, results := lease(t, RemoteConfig{URL: i.URL})
	expectResult(t, results, Fetched)
	if set, err := l.Keys(t.Context()); err != nil || set.Len() != 1 {
		t.Errorf("%+v, %v", set, err)
	}
}

func TestASlowIssuerIsGivenUp(t *testing.T) {
	for name, begin := range map[string]string{"without an answer": "", "in the middle of it": `{"keys":[`} {
		t.Run(name, func(t *testing.T) {
			answered := make(chan struct{})
			defer close(answered)
			i := startIssuer(t, func(w http.ResponseWriter, _ *http.Request) {
				io.WriteString(w, begin)
				if begin != "" {
					w.(http.Flusher).Flush()
				}
				<-answered
			})
			_, results := lease(t, RemoteConfig{URL: i.URL, Timeout: 50 * time.Millisecond})
			expectResult(t, results, Unreachable)
		})
	}
}

// tlsIssuer is an issuer whose certificate is its own authority.
func tlsIssuer(t *testing.T) (url string, ca []byte) {
	t.Helper()
	pair := certtest.New(t, "issuer")
	dir := t.TempDir()
	certtest.Mount(t, dir, pair)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		Handler: serving(jwttest.Set(t, keyA)), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
	}
	go server.ServeTLS(listener, dir+"/tls.crt", dir+"/tls.key")
	t.Cleanup(func() { server.Close() })
	return "https://" + listener.Addr().String(), pair.Certificate
}

func TestHTTPSWithAnAuthority(t *testing.T) {
	url, authority := tlsIssuer(t)
	for ca, want := range map[string]Result{string(authority): Fetched, string(certtest.New(t, "other").Certificate): Unreachable, "": Unreachable} {
		_, results := lease(t, RemoteConfig{URL: url, CA: ca})
		expectResult(t, results, want)
	}
}

// A CA that is mounted comes later than the configuration, and changes.
func TestAuthoritiesThatAreMounted(t *testing.T) {
	i, ca := tlsIssuer(t)
	l, results := lease(t, RemoteConfig{URL: i, Authority: "corporate"})
	brief, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.Keys(brief); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("fetched before there are authorities: %v", err)
	}
	other := certtest.New(t, "other").Certificate
	for _, step := range []struct {
		ca   []byte
		want Result
	}{{nil, Unreachable}, {other, Unreachable}, {append(other, ca...), Fetched}} {
		if err := l.Trust(step.ca); (err != nil) != (step.ca == nil) {
			t.Error(err)
		}
		expectResult(t, results, step.want)
	}
	if set, err := l.Keys(t.Context()); err != nil || set.Len() == 0 {
		t.Errorf("%v", err)
	}
	// What was fetched stays while nobody is trusted.
	if err := l.Trust(nil); err == nil {
		t.Error("no authority is fine")
	}
	if set, err := l.Keys(t.Context()); err != nil || set.Len() == 0 {
		t.Errorf("%v", err)
	}
}

func TestURLsThatAreRefused(t *testing.T) {
	g := &Registry{}
	for _, c := range []RemoteConfig{
		{URL: ""}, {URL: "id.example.com"}, {URL: "http://id.example.com"}, {URL: "ftp://id.example.com", AllowHTTP: true}, {URL: "https://"},
		{URL: "https://user:password@id.example.com"}, {URL: "file:///etc/keys"}, {URL: "https://id.example.com", CA: "none"}, {URL: "https://[::1"},
	} {
		l, err := g.Lease(c)
		if err == nil {
			l.Close()
			t.Errorf("%+v is accepted", c)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("the error has the password in it: %v", err)
		}
	}
}

func TestConfigurationsShareWhatTheyFetch(t *testing.T) {
	i := startIssuer(t, serving(jwttest.Set(t, keyA)))
	g := &Registry{}
	get := func(c RemoteConfig) *Lease {
		t.Helper()
		c.AllowHTTP = true
		l, err := g.Lease(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
		return l
	}
	first := get(RemoteConfig{URL: i.URL})
	second := get(RemoteConfig{URL: i.URL, Refresh: DefaultRefresh}) // the same
	if first.Remote != second.Remote || i.fetches.Load() != 1 || len(g.Status()) != 1 {
		t.Errorf("%d fetches, %+v", i.fetches.Load(), g.Status())
	}
	first.Close()
	first.Close() // as once
	if _, err := second.Keys(t.Context()); err != nil {
		t.Error(err)
	}
	other := get(RemoteConfig{URL: i.URL + "/other"})
	if other.Remote == second.Remote || len(g.Status()) != 2 {
		t.Errorf("%+v", g.Status())
	}
	other.Close()
	second.Close()
	if len(g.Status()) != 0 {
		t.Errorf("nobody uses %+v", g.Status())
	}
	// Whoever still has it is served what there is, and waits for nothing.
	set, err := second.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second.allowFetch()
	if newer, err := second.Newer(t.Context(), set); err != nil || newer != set {
		t.Errorf("%+v, %v", newer, err)
	}
}

func TestWhoWaitsIsLetGoAtTheEnd(t *testing.T) {
	arrived, answered := make(chan struct{}), make(chan struct{})
	i := startIssuer(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		select {
		case <-answered:
		case <-r.Context().Done():
		}
	})
	defer close(answered)
	l, _ := lease(t, RemoteConfig{URL: i.URL})
	<-arrived
	ended := make(chan error, 1)
	go func() {
		_, err := l.Keys(context.Background())
		ended <- err
	}()
	l.Close()
	if err := <-ended; !errors.Is(err, ErrNotFetched) {
		t.Errorf("error %v", err)
	}
}

func TestPausesGrowAndEnd(t *testing.T) {
	r := &Remote{config: RemoteConfig{}.withDefaults()}
	for failures, want := range map[int]time.Duration{0: DefaultRefresh, 1: time.Second, 2: 2 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute} {
		for range 100 {
			if d := r.interval(failures); d > want || d < want/5*4 {
				t.Errorf("after %d failures: %v, want %v or a fifth less", failures, d, want)
			}
		}
	}
}
