// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/peraddress"
)

// program answers questions, over HTTP or NATS. A test can change what it says.
type program struct {
	asked    atomic.Int64
	question atomic.Pointer[string] // the last
	answer   atomic.Pointer[func(question string) string]
	// leave ends it.
	leave func()
}

// unavailable is said, over HTTP, by a proxy in front of the program.
const unavailable = "503"

func (p *program) says(answer string) { p.does(func(string) string { return answer }) }

func (p *program) does(f func(question string) string) { p.answer.Store(&f) }

func (p *program) handle(question []byte) string {
	p.asked.Add(1)
	text := string(question)
	p.question.Store(&text)
	return (*p.answer.Load())(text)
}

// results are those that a webhook has counted.
type results struct {
	mu sync.Mutex
	n  map[Result]int // guarded by mu
}

func (r *results) count(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == nil {
		r.n = map[Result]int{}
	}
	r.n[result]++
}

func (r *results) all() map[Result]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[Result]int{}
	for k, v := range r.n {
		n[k] = v
	}
	return n
}

func overHTTP(t *testing.T, c Config, p *program) *Webhook {
	t.Helper()
	server := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		question, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("asked by %s with %s", r.Method, r.Header.Get("Content-Type"))
		}
		answer := p.handle(question)
		if answer == unavailable {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		io.WriteString(w, answer)
	})
	p.leave = server.Close
	return newHTTP(t, c, HTTP{URL: server.URL, AllowHTTP: true})
}

func startServer(t *testing.T, f http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(f)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

func newHTTP(t *testing.T, c Config, h HTTP) *Webhook {
	t.Helper()
	w, err := NewHTTP(c, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func overNATS(t *testing.T, c Config, p *program) *Webhook {
	t.Helper()
	conn := connect(t)
	subscription, err := conn.Subscribe("who", func(m *nats.Msg) { m.Respond([]byte(p.handle(m.Data))) })
	if err != nil {
		t.Fatal(err)
	}
	p.leave = func() {
		subscription.Unsubscribe()
		conn.Flush()
	}
	t.Cleanup(p.leave)
	return newNATS(t, c, NATS{conn.RequestWithContext, "who"})
}

func connect(t *testing.T) *nats.Conn {
	t.Helper()
	natstest.CheckNothingIsLeft(t)
	conn, err := nats.Connect(natstest.Start(t, nil).ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func newNATS(t *testing.T, c Config, n NATS) *Webhook {
	t.Helper()
	w, err := NewNATS(c, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// ways are those on which a program is asked.
var ways = map[string]func(*testing.T, Config, *program) *Webhook{"HTTP": overHTTP, "NATS": overNATS}

func tokenLocations(t *testing.T) []identity.Location {
	t.Helper()
	l, err := identity.ParseLocations([]string{"auth.token", "header.authorization"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func withToken(token string) *identity.Request {
	return &identity.Request{Service: "shop/chat", Namespace: "/orders", Address: "192.0.2.7", Auth: json.RawMessage(`{"token":"` + token + `"}`)}
}

func codeOf(err error) identity.Code {
	if err == nil {
		return ""
	}
	return identity.AsError(err).Code
}

// The question that is documented.
func TestQuestions(t *testing.T) {
	request := &identity.Request{
		Service: "shop/chat", Namespace: "/orders", Address: "192.0.2.7",
		Header: http.Header{"User-Agent": {"a", "b"}, "Cookie": {"secret"}, "Authorization": {"Bearer other"}},
		Query:  map[string][]string{"tenant": {"north"}, "t": {"abc"}, "EIO": {"4"}},
		Auth:   json.RawMessage(`{"token": "abc", "n": 9007199254740993}`),
	}
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			p := &program{}
			p.says(`{"user":"anna"}`)
			w := start(t, Config{Locations: tokenLocations(t), Headers: []string{"user-agent", "x-missing"}, Query: []string{"tenant", "missing"}}, p)
			if _, err := w.Authenticate(t.Context(), request); err != nil {
				t.Fatal(err)
			}
			want := `{"service":"shop/chat","namespace":"/orders","handshake":{"address":"192.0.2.7","headers":{"user-agent":["a","b"]},` +
				`"query":{"tenant":["north"]}},"auth":{"token":"abc","n":9007199254740993},"token":"abc"}`
			if got := *p.question.Load(); got != want {
				t.Errorf("asked\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAQuestionWithoutATokenOrAuth(t *testing.T) {
	p := &program{}
	p.says(`{"user":"anna"}`)
	w := overHTTP(t, Config{}, p)
	if _, err := w.Authenticate(t.Context(), &identity.Request{Service: "s", Namespace: "/", Address: "a", Auth: json.RawMessage(`{`)}); err != nil {
		t.Fatal(err)
	}
	if got := *p.question.Load(); got != `{"service":"s","namespace":"/","handshake":{"address":"a"}}` {
		t.Errorf("asked %s", got)
	}
	w = overHTTP(t, Config{Locations: tokenLocations(t)}, p)
	if _, err := w.Authenticate(t.Context(), &identity.Request{}); codeOf(err) != identity.TokenMissing || p.asked.Load() != 1 {
		t.Errorf("error %v, asked %d times", err, p.asked.Load())
	}
}

func TestAnswers(t *testing.T) {
	refused := func(code identity.Code, message string) *identity.Error {
		return &identity.Error{Code: code, Message: message, Reason: "the webhook refuses the client"}
	}
	later := time.Now().Add(time.Hour).Unix()
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			p := &program{}
			w := start(t, Config{MaxTTL: -1}, p)
			for answer, want := range map[string]struct {
				statement *identity.Statement
				err       *identity.Error
			}{
				`{"user":"anna"}`: {&identity.Statement{User: "anna"}, nil},
				fmt.Sprintf(`{"user":"anna","claims":{"role":"editor", "n":9007199254740993},"expires":%d,"ttl":60,"other":1}`, later): {
					&identity.Statement{User: "anna", Claims: json.RawMessage(`{"role":"editor", "n":9007199254740993}`), Expires: time.Unix(later, 0)}, nil,
				},
				`{"user":"anna","claims":null,"expires":null}`: {&identity.Statement{User: "anna"}, nil},
				`{"refuse":{}}`: {nil, refused(identity.Forbidden, "")},
				`{"refuse":{"message":"your trial has ended"}}`:      {nil, refused(identity.Forbidden, "your trial has ended")},
				`{"refuse":{"code":"token_expired","message":"x"}}`:  {nil, refused(identity.TokenExpired, "x")},
				`{"refuse":{"code":"token_invalid"}}`:                {nil, refused(identity.TokenInvalid, "")},
				`{"refuse":{"code":"no_such_code"}}`:                 {nil, refused(identity.Forbidden, "")},
				`{"refuse":{"code":"unavailable"}}`:                  {nil, refused(identity.Forbidden, "")},
				`{"refuse":{"message":"` + ü(maxMessage/2+1) + `"}}`: {nil, refused(identity.Forbidden, ü(maxMessage/2))},
				`{"unrecognized":true}`:                              {nil, identity.NotRecognized("the webhook does not recognize the client")},
				`{"user":"anna","expires":1}`:                        {nil, identity.Refuse(identity.TokenExpired, "what the webhook states has expired")},
			} {
				p.says(answer)
				s, err := w.Authenticate(t.Context(), withToken("t"))
				if diff := cmp.Diff(want.statement, s); diff != "" {
					t.Errorf("%.80s: %s", answer, diff)
				}
				if want.err == nil && err != nil || want.err != nil && !cmp.Equal(identity.AsError(err), want.err) {
					t.Errorf("%.80s: error %v, want %v", answer, err, want.err)
				}
			}
		})
	}
}

func ü(n int) string { return strings.Repeat("ü", n) }

// Whatever is no answer lets nobody in.
func TestWhatIsNoAnswer(t *testing.T) {
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			p := &program{}
			for _, answer := range []string{
				``, `null`, `{}`, `[]`, `"anna"`, `{"user":"anna"`, `{"user":"anna"}{}`, `<html>`,
				`{"user":""}`, `{"user":null}`, `{"user":1}`, `{"user":["anna"]}`, `{"User":"anna"}`, `{"user":"anna","user":"bert"}`, "{\"user\":\"\xff\"}",
				`{"user":"anna","refuse":{}}`, `{"user":"anna","unrecognized":true}`, `{"refuse":{},"unrecognized":true}`, `{"unrecognized":false}`,
				`{"refuse":null}`, `{"refuse":"no"}`, `{"refuse":{"message":1}}`,
				`{"user":"anna","claims":[]}`, `{"user":"anna","claims":"x"}`, `{"user":"anna","claims":{"a":1,"a":2}}`,
				`{"user":"anna","expires":"2026-01-01T00:00:00Z"}`, `{"user":"anna","expires":-1}`, `{"user":"anna","expires":1767225600000}`,
				`{"user":"anna","ttl":"60"}`,
				`{"user":"anna"}` + strings.Repeat(" ", maxAnswer),
			} {
				var r results
				w := start(t, Config{Answered: r.count}, p)
				p.says(answer)
				s, err := w.Authenticate(t.Context(), withToken("t"))
				if codeOf(err) != identity.Unavailable || identity.AsError(err).Unrecognized {
					t.Errorf("%.80s: %+v, %v", answer, s, err)
				}
				if diff := cmp.Diff(map[Result]int{Failed: 1}, r.all()); diff != "" {
					t.Errorf("%.80s: %s", answer, diff)
				}
				if way == "NATS" {
					break // the same code reads it; a server for each takes long
				}
			}
		})
	}
}

func TestHTTPServersThatFail(t *testing.T) {
	elsewhere := startServer(t, func(http.ResponseWriter, *http.Request) { t.Error("a token was sent elsewhere") })
	good := `{"user":"anna"}`
	for name, f := range map[string]http.HandlerFunc{
		"down":         func(w http.ResponseWriter, _ *http.Request) { http.Error(w, good, http.StatusServiceUnavailable) },
		"not found":    func(w http.ResponseWriter, _ *http.Request) { http.Error(w, good, http.StatusNotFound) },
		"unauthorized": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"refuse":{}}`, http.StatusUnauthorized) },
		"created": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			io.WriteString(w, good)
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		},
		"a closed one": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"half of an answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, good)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHTTP(t, Config{}, HTTP{URL: startServer(t, f).URL, AllowHTTP: true})
			if s, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestTheProgramIsShownAToken(t *testing.T) {
	server := startServer(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"user":%q}`, r.Header.Get("Authorization"))
	})
	token := "first"
	w := newHTTP(t, Config{}, HTTP{URL: server.URL, AllowHTTP: true, Credentials: func() string { return token }})
	for _, token = range []string{"first", "second"} {
		if s, err := w.Authenticate(t.Context(), withToken("t")); err != nil || s.User != "Bearer "+token {
			t.Errorf("%+v, %v", s, err)
		}
	}
	token = ""
	if s, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable || !errors.Is(w.Problem(), errNoCredentials) {
		t.Errorf("without a token, the program is asked: %+v, %v", s, err)
	}
}

// Who asks at once waits for nobody, and causes no request.
func TestWhoAsksAtOnceDoesNotWait(t *testing.T) {
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			p := &program{}
			p.says(`{"user":"anna","ttl":60}`)
			var r results
			w := start(t, Config{Rest: time.Hour, Answered: r.count}, p)
			atOnce := func(token string) (*identity.Statement, error) {
				return w.Authenticate(identity.AtOnce, withToken(token))
			}
			if _, err := atOnce("t"); !errors.Is(err, identity.ErrWaits) || p.asked.Load() != 0 {
				t.Errorf("asked %d times, %v", p.asked.Load(), err)
			}
			if _, err := w.Authenticate(t.Context(), withToken("t")); err != nil {
				t.Fatal(err)
			}
			if s, err := atOnce("t"); err != nil || s.User != "anna" {
				t.Errorf("an answer that was kept: %+v, %v", s, err)
			}
			p.leave()
			for range tripAfter {
				w.Authenticate(t.Context(), withToken("u"))
			}
			if w.Problem() == nil {
				t.Error("there is no problem")
			}
			if _, err := atOnce("u"); errors.Is(err, identity.ErrWaits) || codeOf(err) != identity.Unavailable {
				t.Errorf("while nothing is asked: %v", err)
			}
			if diff := cmp.Diff(map[Result]int{Accepted: 1, Cached: 1, Failed: tripAfter, Resting: 1}, r.all()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHTTPTrustsTheAuthority(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"user":"anna"}`) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	for ca, code := range map[string]identity.Code{pemOf(server.Certificate().Raw): "", "": identity.Unavailable} {
		w := newHTTP(t, Config{}, HTTP{URL: server.URL, CA: ca})
		if _, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != code {
			t.Errorf("with an authority of %d bytes: %v", len(ca), err)
		}
	}
}

func pemOf(certificate []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for _, h := range []HTTP{{}, {URL: "http://example.com"}, {URL: "example.com"}, {URL: "ftp://example.com"}, {URL: "http://"}, {URL: "http://u:password@example.com"}, {URL: "https://example.com", CA: "x"}, {URL: "http://[::1"}} {
		w, err := NewHTTP(Config{}, h)
		if err == nil {
			w.Close()
			t.Errorf("%+v is accepted", h)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("the error has the password in it: %v", err)
		}
	}
	if _, err := NewNATS(Config{}, NATS{}); err == nil {
		t.Error("no connection is accepted")
	}
}

func TestNATSWithoutAProgram(t *testing.T) {
	conn := connect(t)
	w := newNATS(t, Config{}, NATS{conn.RequestWithContext, "nobody"})
	if s, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAProgramThatDoesNotAnswerIsGivenUp(t *testing.T) {
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			p, answered := &program{}, make(chan struct{})
			defer close(answered) // before the server ends, which waits for its handlers
			p.does(func(string) string {
				<-answered
				return ""
			})
			var r results
			w := start(t, Config{Timeout: 50 * time.Millisecond, Answered: r.count}, p)
			if s, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable {
				t.Errorf("%+v, %v", s, err)
			}
			if diff := cmp.Diff(map[Result]int{Failed: 1}, r.all()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestQuestionsAtTheSameTimeAreBounded(t *testing.T) {
	const concurrency, clients = 3, 30
	var now, most atomic.Int64
	all := make(chan struct{}) // closed when as many are there as may be
	p := &program{}
	p.does(func(string) string {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == concurrency && p.asked.Load() == concurrency {
			close(all)
		}
		<-all
		return `{"user":"anna"}`
	})
	var r results
	w := overHTTP(t, Config{Timeout: 30 * time.Second, Concurrency: concurrency, Answered: r.count}, p)
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			request := withToken(fmt.Sprint("t", i))
			request.Address = fmt.Sprint("192.0.2.", i)
			if _, err := w.Authenticate(t.Context(), request); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff(map[Result]int{Accepted: clients}, r.all()); diff != "" || most.Load() != concurrency {
		t.Errorf("%d at the same time, %s", most.Load(), diff)
	}
}

func TestAClientWhoseTurnDoesNotComeIsRefused(t *testing.T) {
	p := &program{}
	p.says(`{"user":"anna"}`)
	var r results
	w := overHTTP(t, Config{Timeout: 20 * time.Millisecond, Concurrency: 1, Answered: r.count}, p)
	if err := w.slots.take(t.Context(), peraddress.Key{}); err != nil { // as another question
		t.Fatal(err)
	}
	for range tripAfter + 1 {
		if _, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable {
			t.Errorf("error %v", err)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	w.Authenticate(gone, withToken("t"))
	w.slots.release(peraddress.Key{})
	w.config.Timeout = time.Minute
	if _, err := w.Authenticate(t.Context(), withToken("t")); err != nil {
		t.Errorf("when it is its turn: %v", err)
	}
	if diff := cmp.Diff(map[Result]int{Busy: tripAfter + 1, Left: 1, Accepted: 1}, r.all()); diff != "" {
		t.Error(diff)
	}
}

func TestAClientThatLeavesSaysNothingOfTheProgram(t *testing.T) {
	p, arrived, answered := &program{}, make(chan struct{}), make(chan struct{})
	p.does(func(string) string {
		arrived <- struct{}{}
		<-answered
		return `{"user":"anna"}`
	})
	var r results
	w := overHTTP(t, Config{Timeout: time.Minute, Answered: r.count}, p)
	for range tripAfter + 1 {
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := w.Authenticate(ctx, withToken("t")); codeOf(err) != identity.Unavailable {
				t.Errorf("%v", err)
			}
		})
		<-arrived
		cancel()
		group.Wait()
		answered <- struct{}{}
	}
	if diff := cmp.Diff(map[Result]int{Left: tripAfter + 1}, r.all()); diff != "" || w.State() != "closed" {
		t.Errorf("%s, %s", w.State(), diff)
	}
}

// After failures in a row a program is left alone, and then asked by one client.
func TestAProgramThatFailsIsLeftAlone(t *testing.T) {
	p := &program{}
	w := overHTTP(t, Config{Rest: 50 * time.Millisecond}, p)
	ask := func() identity.Code {
		_, err := w.Authenticate(t.Context(), withToken("t"))
		return codeOf(err)
	}
	p.says(`{"user":"anna"}`)
	ask()
	p.says(unavailable)
	for range tripAfter {
		ask()
	}
	if w.State() == "closed" {
		t.Fatal("it is asked on")
	}
	asked := p.asked.Load()
	p.says(`{"user":"anna"}`)
	waiting, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for ask() != "" {
		if waiting.Err() != nil {
			t.Fatal("it is never asked again")
		}
	}
	if p.asked.Load() != asked+1 || w.State() != "closed" {
		t.Errorf("asked %d times, %s", p.asked.Load()-asked, w.State())
	}
}

func TestNobodyIsAskedWhileAProgramIsLeftAlone(t *testing.T) {
	p := &program{}
	p.says(unavailable)
	var r results
	w := overHTTP(t, Config{Rest: time.Hour, Answered: r.count}, p)
	for range tripAfter + 3 {
		if _, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable {
			t.Errorf("error %v", err)
		}
	}
	if diff := cmp.Diff(map[Result]int{Failed: tripAfter, Resting: 3}, r.all()); diff != "" || p.asked.Load() != tripAfter || w.State() != "open" {
		t.Errorf("asked %d times, %s, %s", p.asked.Load(), w.State(), diff)
	}
}

// Somebody whose token the program cannot cope with is the only one who is told so, even while the
// next question decides whether it is asked on.
func TestAnAnswerThatCannotBeReadKeepsNobodyElseOut(t *testing.T) {
	for way, start := range ways {
		t.Run(way, func(t *testing.T) {
			p := &program{}
			p.does(func(question string) string {
				if strings.Contains(question, `"token":"odd"`) {
					return `{"refuse":{"message":7}}`
				}
				return `{"user":"anna"}`
			})
			var r results
			w := start(t, Config{Rest: time.Hour, Answered: r.count}, p)
			for range 2 * tripAfter {
				if _, err := w.Authenticate(t.Context(), withToken("odd")); codeOf(err) != identity.Unavailable {
					t.Errorf("%v", err)
				}
			}
			if w.Problem() == nil {
				t.Error("there is no problem")
			}
			if s, err := w.Authenticate(t.Context(), withToken("t")); err != nil || s.User != "anna" {
				t.Errorf("another client: %+v, %v", s, err)
			}
			if diff := cmp.Diff(map[Result]int{Failed: 2 * tripAfter, Accepted: 1}, r.all()); diff != "" || w.State() != Closed {
				t.Errorf("%s, %s", w.State(), diff)
			}
		})
	}
}

func TestWhichStatusesSayThatAProgramCannotBeAsked(t *testing.T) {
	for status, state := range map[int]string{
		http.StatusBadGateway: "open", http.StatusServiceUnavailable: "open", http.StatusGatewayTimeout: "open",
		http.StatusInternalServerError: Closed, http.StatusTooManyRequests: Closed, http.StatusBadRequest: Closed,
		http.StatusUnauthorized: Closed, http.StatusNotFound: Closed, http.StatusFound: Closed, http.StatusCreated: Closed,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			server := startServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			w := newHTTP(t, Config{Rest: time.Hour}, HTTP{URL: server.URL, AllowHTTP: true})
			for range tripAfter {
				if _, err := w.Authenticate(t.Context(), withToken("t")); codeOf(err) != identity.Unavailable {
					t.Errorf("%v", err)
				}
			}
			if w.State() != state {
				t.Errorf("the circuit is %s, want %s", w.State(), state)
			}
		})
	}
}

func TestHalfOfAnAnswerSaysThatAProgramCannotBeAsked(t *testing.T) {
	server := startServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, `{"user":"anna"}`)
	})
	w := newHTTP(t, Config{Rest: time.Hour}, HTTP{URL: server.URL, AllowHTTP: true})
	for range tripAfter {
		w.Authenticate(t.Context(), withToken("t"))
	}
	if w.State() != "open" {
		t.Errorf("the circuit is %s", w.State())
	}
}

// While the next question decides, an answer that cannot be read has the program asked on: anybody
// may be the one who asks it.
func TestAnyAnswerEndsTheRest(t *testing.T) {
	p := &program{}
	p.says(unavailable)
	w := overHTTP(t, Config{Rest: time.Millisecond}, p)
	for range tripAfter {
		w.Authenticate(t.Context(), withToken("t"))
	}
	if w.State() == Closed {
		t.Fatal("the program is asked on")
	}
	p.says("what?")
	waiting, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for w.State() != Closed {
		if w.Authenticate(t.Context(), withToken("t")); waiting.Err() != nil {
			t.Fatal("it is not asked on")
		}
	}
}

// A question may be longer than the NATS server lets messages be.
func TestAQuestionThatIsTooLongKeepsNobodyElseOut(t *testing.T) {
	p := &program{}
	p.says(`{"user":"anna"}`)
	natstest.CheckNothingIsLeft(t)
	conn, err := nats.Connect(natstest.Start(t, &server.Options{MaxPayload: 1 << 10}).ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if _, err := conn.Subscribe("who", func(m *nats.Msg) { m.Respond([]byte(p.handle(m.Data))) }); err != nil {
		t.Fatal(err)
	}
	w := newNATS(t, Config{Rest: time.Hour}, NATS{conn.RequestWithContext, "who"})
	for range tripAfter {
		if _, err := w.Authenticate(t.Context(), withToken(strings.Repeat("x", 1<<10))); codeOf(err) != identity.Unavailable || !errors.Is(err, nats.ErrMaxPayload) {
			t.Errorf("%v", err)
		}
	}
	if _, err := w.Authenticate(t.Context(), withToken("t")); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// Half of a character in a refusal does not make it less of one. In what accepts a client it
// counts: two names must not become one.
func TestRefusalsWithTextThatIsNotUnicode(t *testing.T) {
	for answer, want := range map[string]string{
		`{"refuse":{"message":"who is \ud83d…?"}}`:        "who is \ufffd…?",
		"{\"refuse\":{\"message\":\"who is \xf0\x9f?\"}}": "who is \ufffd\ufffd?",
		`{"refuse":{"message":"no","x":"\udc00"}}`:        "no",
	} {
		v, err := decode([]byte(answer))
		if err != nil || v.refusal == nil || v.refusal.Code != identity.Forbidden || v.refusal.Message != want {
			t.Errorf("%q: %+v, %v", answer, v, err)
		}
	}
	if v, err := decode([]byte(`{"unrecognized":true,"why":"\ud83d"}`)); err != nil || !v.refusal.Unrecognized {
		t.Errorf("unrecognized: %+v, %v", v, err)
	}
	for _, answer := range []string{
		`{"user":"anna\ud83d"}`, `{"user":"anna","claims":{"a":"\ud83d"}}`, "{\"user\":\"anna\",\"x\":\"\xff\"}", `{"user":"","refuse":{"message":"\ud83d"}}`,
		`{"refuse":{"message":"\ud83d"},"refuse":{}}`, `{"refuse":{"message":"\ud83d","message":7}}`,
	} {
		if v, err := decode([]byte(answer)); err == nil {
			t.Errorf("%q: %+v", answer, v)
		}
	}
}

// A program's parser has a bound of its own, and may end the program.
func TestAnAuthPayloadThatIsNestedDeepIsNotPassedOn(t *testing.T) {
	nested := func(levels int) *identity.Request {
		r := withToken("t")
		r.Auth = json.RawMessage(`{"token":"t","x":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`)
		return r
	}
	p := &program{}
	p.says(`{"user":"anna"}`)
	for name, c := range map[string]Config{"without a token": {}, "with a token": {Locations: tokenLocations(t)}} {
		w := overHTTP(t, c, p)
		for levels, code := range map[int]identity.Code{maxDepth: "", maxDepth + 1: identity.TokenInvalid, 512: identity.TokenInvalid} {
			asked := p.asked.Load()
			_, err := w.Authenticate(t.Context(), nested(levels))
			if codeOf(err) != code || (p.asked.Load() > asked) != (code == "") {
				t.Errorf("%s, %d levels: asked %d times, %v", name, levels, p.asked.Load()-asked, err)
			}
		}
	}
	w := overHTTP(t, Config{}, p)
	if _, err := w.Authenticate(t.Context(), nested(513)); codeOf(err) != identity.TokenInvalid {
		t.Errorf("513 levels: %v", err)
	}
}

func TestAnswersAreKept(t *testing.T) {
	p := &program{}
	var r results
	w := overHTTP(t, Config{Locations: tokenLocations(t), Headers: []string{"User-Agent"}, Answered: r.count}, p)
	expect := func(name string, request *identity.Request, asks int64) {
		t.Helper()
		before := p.asked.Load()
		if s, err := w.Authenticate(t.Context(), request); err != nil || s.User != "anna" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
		if n := p.asked.Load() - before; n != asks {
			t.Errorf("%s: asked %d times, want %d", name, n, asks)
		}
	}
	p.says(`{"user":"anna"}`)
	expect("without a ttl", withToken("a"), 1)
	expect("without a ttl, again", withToken("a"), 1)
	if n := w.accepted.len(); n != 0 {
		t.Errorf("%d are kept without a ttl", n)
	}
	p.says(`{"user":"anna","ttl":60}`)
	expect("with a ttl", withToken("b"), 1)
	expect("with a ttl, again", withToken("b"), 0)
	same := withToken("b")
	same.Header, same.Query = http.Header{"Cookie": {"x"}}, map[string][]string{"t": {"x"}}
	expect("with what is not in the question", same, 0)
	for name, change := range map[string]func(*identity.Request){
		"another token":     func(r *identity.Request) { r.Auth = json.RawMessage(`{"token":"c"}`) },
		"another auth":      func(r *identity.Request) { r.Auth = json.RawMessage(`{"token":"b","x":1}`) },
		"another namespace": func(r *identity.Request) { r.Namespace = "/" },
		"another service":   func(r *identity.Request) { r.Service = "shop/other" },
		"another address":   func(r *identity.Request) { r.Address = "192.0.2.8" },
		"a header":          func(r *identity.Request) { r.Header = http.Header{"User-Agent": {"x"}} },
	} {
		request := withToken("b")
		change(request)
		expect(name, request, 1)
	}
	if n := r.all(); n[Cached] != 2 {
		t.Errorf("%v", n)
	}
}

func TestRefusalsAreKeptBriefly(t *testing.T) {
	p := &program{}
	w := overHTTP(t, Config{}, p)
	p.says(`{"refuse":{"code":"token_invalid","message":"x"}}`)
	for range 3 {
		_, err := w.Authenticate(t.Context(), withToken("t"))
		if e := identity.AsError(err); e.Code != identity.TokenInvalid || e.Message != "x" {
			t.Errorf("%v", err)
		}
	}
	if n := p.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	p.says(`{"refuse":{},"ttl":0}`)
	for range 2 {
		w.Authenticate(t.Context(), withToken("u"))
	}
	if n := p.asked.Load(); n != 3 {
		t.Errorf("with a ttl of zero asked %d times", n-1)
	}
	for ttl, want := range map[string]time.Duration{`,"ttl":3600`: negativeTTL, ``: defaultNegativeTTL, `,"ttl":1`: time.Second} {
		token := fmt.Sprint("v", len(ttl))
		p.says(`{"refuse":{}` + ttl + `}`)
		before := time.Now()
		w.Authenticate(t.Context(), withToken(token))
		e := w.refused.recent.Front().Value.(*entry)
		if e.until.Before(before.Add(want)) || e.until.After(time.Now().Add(want)) {
			t.Errorf("%q: kept until %v, want %v", ttl, e.until.Sub(before), want)
		}
	}
}

// Tokens that somebody makes up do not push out those of clients.
func TestTheCachesAreBounded(t *testing.T) {
	p := &program{}
	p.does(func(question string) string {
		if strings.Contains(question, `"token":"good`) {
			return `{"user":"anna","ttl":60}`
		}
		return `{"refuse":{}}`
	})
	w := overHTTP(t, Config{MaxEntries: 4}, p)
	for i := range 8 {
		w.Authenticate(t.Context(), withToken(fmt.Sprint("good", i)))
	}
	for i := range 20 {
		w.Authenticate(t.Context(), withToken(fmt.Sprint("bad", i)))
	}
	if w.accepted.len() != 4 || w.refused.len() != 4 || len(w.accepted.entries) != w.accepted.recent.Len() {
		t.Errorf("%d and %d are kept", w.accepted.len(), w.refused.len())
	}
	asked := p.asked.Load()
	w.Authenticate(t.Context(), withToken("good7"))
	if p.asked.Load() != asked {
		t.Error("the last good one is not kept")
	}
}

func TestCache(t *testing.T) {
	now := time.Now()
	c := newCache(2)
	a, b, d := questionSum{1}, questionSum{2}, questionSum{3}
	v := &verdict{}
	c.put(a, v, now.Add(time.Second))
	c.put(b, v, now.Add(time.Minute))
	if c.get(a, now) == nil || c.get(a, now.Add(time.Second)) != nil || c.len() != 1 {
		t.Error("an entry does not end in time")
	}
	c.put(a, v, now.Add(time.Minute))
	c.get(b, now)
	c.put(d, v, now.Add(time.Minute))
	if c.get(a, now) != nil || c.get(b, now) == nil || c.get(d, now) == nil {
		t.Error("another than the one that was not used for longest is gone")
	}
	c.put(d, v, now.Add(time.Hour))
	if c.len() != 2 {
		t.Error("an entry is there twice")
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"user":"anna","claims":{"role":"editor"},"expires":1767225600,"ttl":60}`))
	f.Add([]byte(`{"refuse":{"message":"your trial has ended","code":"forbidden"},"ttl":1e300}`))
	f.Add([]byte(`{"unrecognized":true,"expires":-0}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := decode(body)
		if err != nil {
			return
		}
		if (v.statement == nil) == (v.refusal == nil) || v.ttl < 0 || v.statement != nil && v.statement.User == "" {
			t.Fatalf("%+v", v)
		}
		if v.refusal != nil && len(v.refusal.Message) > maxMessage {
			t.Fatal("the message is long")
		}
		if v.statement != nil && bytes.Contains(v.statement.Claims, []byte("\xff")) {
			t.Fatal("claims are no UTF-8")
		}
	})
}
