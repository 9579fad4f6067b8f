// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const guarded = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: guarded, namespace: default}
spec:
  protocol:
    allowEIO3: true
    cookie: {name: io}
    cors: {origins: ["https://chat.example"]}
    admission: [{expression: "request.query['token'] != ''", message: "no token"}]
  recovery: {}
  authentication:
  - name: devices
    tokens: {secretRef: {name: devices}, from: [auth.token, header.authorization, cookie.io]}
    allow: "claims[claims.secret] == 1"
  - name: users
    jwt: {issuer: i, audiences: [a], hmac: {secretRef: {name: users}}}
    user: "claims[claims.secret]"
  - name: web
    webhook: {serviceRef: {name: program, port: 1234}, credentialsSecretRef: {name: program}, forward: {headers: [authorization, cookie], query: [token]}}
    allow: "claims[claims.secret] == 1"
  - name: bus
    nats: {subject: nobody}
  namespaces:
  - {name: /private, authentication: [devices, users]}
  - {name: /web, authentication: [web]}
  - {name: /bus, authentication: [bus]}
  - name: /
    rooms: [{name: lobby, presence: true}]
    handlers:
    - {event: enter, do: [{join: "'lobby'"}, {ack: "['ok']"}]}
    - {event: whisper, do: [{emit: {event: whispered, rooms: ["args[0]"]}}, {ack: "['ok']"}]}
    - {event: fail, do: [{set: {name: "args[5]"}}]}
`

// output is all that gateways say. Safe for concurrent use.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// planted are secrets, by what they are.
type planted map[string]string

// wantNone wants none of them in a text, neither as it is nor encoded as in a subject of NATS.
func (p planted) wantNone(t *testing.T, where, text string) {
	t.Helper()
	for what, secret := range p {
		if secret == "" {
			t.Fatalf("there is no %s", what)
		}
		for _, form := range []string{secret, base64.RawURLEncoding.EncodeToString([]byte(secret))} {
			for line := range strings.Lines(text) {
				if strings.Contains(line, form) {
					t.Errorf("%s of %s has the %s: %s", where, t.Name(), what, line)
				}
			}
		}
	}
}

// guardedGateway is one of two that forward to each other, and say everything.
type guardedGateway struct {
	*Gateway
	url, api, ops string
}

func guard(t *testing.T, nats string, identity *forward.Identity, said *output) *guardedGateway {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(strings.Replace(guarded, "1234", indiscreet(t), 1)))
	if err != nil {
		t.Fatal(err)
	}
	g := &guardedGateway{}
	peers := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.PeerHandler().ServeHTTP(w, r)
	}))
	peers.TLS = identity.ServerConfig()
	g.Gateway, err = New(svc, "1", Options{
		Name: t.Name(), NATSURLs: []string{nats},
		Log:   slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Peers: &PeerOptions{Address: peers.Listener.Addr().String(), Identity: identity}, AuthenticationDir: secretsOfClients(t), LocalServices: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	peers.StartTLS()
	clients, api, ops := httptest.NewServer(g.Handler()), httptest.NewServer(g.API()), httptest.NewServer(g.Ops())
	g.url, g.api, g.ops = clients.URL, api.URL, ops.URL
	t.Cleanup(func() {
		g.Close()
		http.DefaultClient.CloseIdleConnections()
		for _, s := range []*httptest.Server{clients, api, ops, peers} {
			s.Close()
		}
	})
	await(t, g.ops+"/readyz", ready)
	return g
}

// indiscreet is a program that repeats what it is asked, wherever a gateway might take it up. It
// returns its port.
func indiscreet(t *testing.T) string {
	t.Helper()
	var asked atomic.Int64
	program := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		question, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		switch asked.Add(1) % 4 {
		case 0:
			_, _ = w.Write([]byte(`{"user":"a","claims":{"secret":"` + plantedClaim + `"}}`))
		case 1:
			w.Header().Set("Location", "/?"+url.QueryEscape(string(question)))
			w.WriteHeader(http.StatusFound)
		case 2:
			_, _ = w.Write(append([]byte("x"), question...))
		default:
			w.Header().Set("X-Broken", string(question))
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write(question)
		}
	}))
	t.Cleanup(program.Close)
	return program.URL[strings.LastIndex(program.URL, ":")+1:]
}

// The Secrets of the service's authentication, and what is in their claims.
const (
	plantedDeviceToken = "planteddevicetoken"
	plantedShared      = "plantedsharedtoken"
	plantedKey         = "plantedkey-plantedkey-plantedkey-"
	plantedClaim       = "plantedclaim"
	plantedCredentials = "plantedcredentialsofgateways"
)

func secretsOfClients(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"devices/a":     `{"tokens":["` + plantedDeviceToken + `"],"claims":{"secret":"` + plantedClaim + `"}}`,
		"devices/b":     plantedShared + "\n",
		"devices/d":     plantedShared + "\n",    // of two users
		"devices/c":     plantedDeviceToken[:15], // too short
		"users/a":       plantedKey,
		"users/b":       plantedKey[:20],
		"program/token": plantedCredentials,
	} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// sneak has clients show tokens that are refused, or claims that cannot be judged.
func sneak(t *testing.T, g []*guardedGateway, secrets planted) {
	t.Helper()
	users := jwttest.HMAC("a", []byte(plantedKey))
	claims := map[string]any{"iss": "i", "aud": "a", "exp": time.Now().Add(time.Hour).Unix(), "sub": plantedClaim, "secret": plantedClaim}
	secrets["token of a user"] = users.Sign(t, "HS256", claims)
	claims["exp"] = 1
	secrets["expired token of a user"] = users.Sign(t, "HS256", claims)
	secrets["token of a device"], secrets["key of users"], secrets["claim"] = plantedDeviceToken, plantedKey, plantedClaim
	secrets["token of two devices"] = plantedShared
	secrets["token of the gateways"] = plantedCredentials
	for i := range 20 {
		for _, namespace := range []string{"/web", "/bus"} {
			c := wiretest.Dial(t, g[i%2].url, enginePath, "&token="+secrets["token of a client"], http.Header{
				"Authorization": {"Bearer " + secrets["header"]}, "Cookie": {"io=" + secrets["cookie"]},
			})
			c.Send(`40` + namespace + `,{"token":"` + secrets["token of a user"] + `"}`)
			if got := c.Receive(); !strings.HasPrefix(got, "44"+namespace) {
				t.Errorf("in %s, answered %s", namespace, got)
			}
			c.Close()
		}
	}
	for i, what := range []string{"token of a user", "expired token of a user", "token of a device", "token of two devices", "header"} {
		c := wiretest.Dial(t, g[i%2].url, enginePath, "&token="+secrets["token of a client"], http.Header{
			"Authorization": {"Bearer " + secrets["header"]}, "Cookie": {"io=" + secrets["cookie"] + strings.Repeat("x", 5000)},
		})
		c.Send(`40/private,{"token":"` + secrets[what] + `"}`)
		if got := c.Receive(); !strings.HasPrefix(got, "44/private,") {
			t.Errorf("with the %s, answered %s", what, got)
		}
		c.Close()
	}
}

// misbehave has a session do what a gateway may want to say something about.
func misbehave(t *testing.T, g []*guardedGateway, secrets planted, revision string) {
	t.Helper()
	query := enginePath + "?EIO=" + revision + "&transport=polling&token=" + secrets["token of a client"]
	ask := func(method, url, body string) string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "io="+secrets["cookie"])
		r.Header.Set("Authorization", "Bearer "+secrets["header"])
		answer, err := asker.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for i, packet := range []string{`4abc`, `42/x,["hello"]`, `42/x?token=` + secrets["token of a client"] + `,["hello"]`, `1`, `x`} {
		sid := strings.Split(ask("GET", g[0].url+query, ""), `"`)[3]
		secrets[fmt.Sprintf("session %d of revision %s", i, revision)] = sid
		if revision == "3" {
			packet = fmt.Sprintf("%d:%s", len(packet), packet)
		}
		of := query + "&sid=" + sid
		ask("POST", g[1].url+of, packet)
		ask("POST", g[0].url+of, packet)
		ask("POST", g[1].url+of+"x", packet) // forged
		ask("PUT", g[0].url+of, packet)
	}
}

// Nobody who reads logs, metrics or errors may become one of the clients, a program that publishes,
// or a gateway.
func TestWhatGatewaysSayHasNoSecrets(t *testing.T) {
	leakCheck(t)
	said := &output{}
	secrets := planted{
		"user of NATS": "planteduser", "password of NATS": "plantedpassword",
		"token of a program": "plantedprogramtoken", "wrong token of a program": "plantedwrongtoken",
		"token of a client": "plantedclienttoken", "cookie": "plantedcookie", "header": "plantedheader",
	}
	nats := natstest.Start(t, &natsserver.Options{
		JetStream: true, StoreDir: t.TempDir(), Username: secrets["user of NATS"], Password: secrets["password of NATS"],
	})
	way := natstest.NewProxy(t, nats.ClientURL())
	url := "nats://" + secrets["user of NATS"] + ":" + secrets["password of NATS"] + "@" + way.Address()
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	g := []*guardedGateway{guard(t, url, identity, said), guard(t, url, identity, said)}
	for _, one := range g {
		one.SetAPITokens([]byte(secrets["token of a program"] + "\n"))
		for _, token := range []string{"token of a program", "wrong token of a program"} {
			post(t, one.api, emitPath, secrets[token], `{"event":"news"}`)
		}
	}
	misbehave(t, g, secrets, "3")
	misbehave(t, g, secrets, "4")
	sneak(t, g, secrets)

	token := "&token=" + secrets["token of a client"]
	first := wiretest.Dial(t, g[0].url, enginePath, token, nil)
	_, pid := welcomed(t, first, "")
	secrets["private id"], secrets["session by websocket"] = pid, first.SID
	first.Send(`421["enter"]`)
	first.Send(`422["whisper","` + secrets["session 0 of revision 3"] + `"]`)
	first.Send(`423["fail"]`)
	first.Close()
	second := wiretest.Dial(t, g[1].url, enginePath, token, nil)
	second.Send(`40{"pid":"` + pid + `"}`)
	second.Receive()
	secrets["session that has come back"] = second.SID

	way.Cut()
	eventually(t, "NATS is lost", func() bool { return !g[0].cluster.Connected() && !g[1].cluster.Connected() })
	second.Send(`421["whisper","` + secrets["session 0 of revision 3"] + `"]`)
	g[0].Ops().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/readyz", nil))
	for _, one := range g {
		for _, path := range []string{"/readyz", "/status", "/metrics"} {
			_, text := get(t, one.ops+path)
			secrets.wantNone(t, path, text)
		}
	}
	way.Mend()
	for _, one := range g {
		await(t, one.ops+"/readyz", ready)
	}
	for _, one := range g {
		if err := one.Close(); err != nil {
			secrets.wantNone(t, "the error", err.Error())
		}
	}
	text := said.String()
	for _, want := range []string{"bad packet", "misplaced packet", "lost NATS", "some of the keys", "a client is refused", "a client's token is refused", "an expression fails", "nobody can say who a client is"} {
		if !strings.Contains(text, want) {
			t.Errorf("nothing is said of %q", want)
		}
	}
	secrets.wantNone(t, "the log", text)
}

// A user in a URL without a password is a token.
func TestWhatAGatewaySaysHasNoTokenOfNATS(t *testing.T) {
	leakCheck(t)
	said := &output{}
	secrets := planted{"token of NATS": "plantednatstoken"}
	nats := natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), Authorization: secrets["token of NATS"]})
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	g := guard(t, strings.Replace(nats.ClientURL(), "://", "://"+secrets["token of NATS"]+"@", 1), identity, said)
	if text := said.String(); !strings.Contains(text, "connected to NATS") {
		t.Errorf("the log is %s", text)
	}
	g.Close()
	secrets.wantNone(t, "the log", said.String())
	for _, url := range []string{"nats://plantednatstoken@[::1", "nats://plantednatstoken@host:port", "://plantednatstoken@host"} {
		svc, err := manifest.Load(t.Context(), []byte(guarded))
		if err != nil {
			t.Fatal(err)
		}
		g, err := New(svc, "1", Options{NATSURLs: []string{url}, Log: slog.New(slog.NewTextHandler(said, nil))})
		if err == nil {
			g.Close()
			continue
		}
		secrets.wantNone(t, "the error", err.Error())
	}
	secrets.wantNone(t, "the log", said.String())
}
