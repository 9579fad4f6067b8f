// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// byToken is a middleware for tokens such as "ann/1": a user, and what the claims say.
func byToken(s *socketio.Socket) error {
	var auth struct{ Token string }
	if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token == "" {
		return err // anonymous
	}
	user, claim, _ := strings.Cut(auth.Token, "/")
	claims, err := json.Marshal(map[string]string{"claim": claim})
	if err != nil {
		return err
	}
	return s.SetIdentity(socketio.Identity{Provider: "tokens", User: user, Claims: claims})
}

func TestAMiddlewareSaysOnceWhoAClientIs(t *testing.T) {
	io, url := server(t, socketio.Options{})
	want := socketio.Identity{
		Provider: "tokens", User: "ann", Claims: json.RawMessage(`{"role":"admin"}`), Expires: time.Unix(1764460800, 0),
	}
	results := make(chan error, 4)
	io.Use(func(s *socketio.Socket) error {
		if id := s.Identity(); id != nil {
			t.Errorf("before the middleware: %+v", id)
		}
		results <- s.SetIdentity(want)
		results <- s.SetIdentity(socketio.Identity{User: "bob"})
		return nil
	})
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	io.Of("/anonymous").OnConnection(func(s *socketio.Socket) { sockets <- s })
	c, _ := wiretest.Connect(t, url, path, "/")
	s := within(t, sockets, "a socket")
	if err := within(t, results, "the identity"); err != nil {
		t.Fatal(err)
	}
	if err := within(t, results, "another identity"); !errors.Is(err, socketio.ErrIdentitySet) {
		t.Errorf("a second identity: %v", err)
	}
	if diff := cmp.Diff(&want, s.Identity()); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	if s.Data() != nil {
		t.Errorf("data %v", s.Data())
	}
	c.Join("/anonymous")
	s = within(t, sockets, "the anonymous socket")
	if id := s.Identity(); id != nil {
		t.Errorf("an anonymous client is %+v", id)
	}
	if err := s.SetIdentity(want); !errors.Is(err, socketio.ErrIdentitySet) || s.Identity() != nil {
		t.Errorf("once it is connected: %v, %+v", err, s.Identity())
	}
}

func TestAnAuthenticatorComesFirstAndCanBeReplaced(t *testing.T) {
	io, url := server(t, socketio.Options{})
	seen := make(chan *socketio.Identity, 1)
	io.Use(func(s *socketio.Socket) error {
		seen <- s.Identity()
		return nil
	})
	connect := func() string {
		c := wiretest.Dial(t, url, path, "", nil)
		c.Send(`40{"token":"ann/1"}`)
		return c.Receive()
	}
	waiting := func(s *socketio.Socket) (func() error, error) { return func() error { return byToken(s) }, nil }
	io.Of("/").SetAuthenticator(waiting)
	connect()
	if id := within(t, seen, "a client that is waited for"); id == nil || id.User != "ann" {
		t.Errorf("the middleware sees %+v", id)
	}
	io.Of("/").SetAuthenticator(func(s *socketio.Socket) (func() error, error) { return nil, byToken(s) })
	connect()
	if id := within(t, seen, "a client with a token"); id == nil || id.User != "ann" {
		t.Errorf("the middleware sees %+v", id)
	}
	io.Of("/").SetAuthenticator(func(*socketio.Socket) (func() error, error) {
		return nil, &socketio.ConnectError{Message: "nobody"}
	})
	if got := connect(); got != `44{"message":"nobody"}` {
		t.Errorf("answered %s", got)
	}
	io.Of("/").SetAuthenticator(nil)
	connect()
	if id := within(t, seen, "a client that nobody asks"); id != nil {
		t.Errorf("the middleware sees %+v", id)
	}
}

func TestIdentitiesThatAreNone(t *testing.T) {
	// What takes 16 KiB with its claims.
	filler := strings.Repeat("x", 16<<10-len(`{"user":"ann","claims":{"c":""}}`))
	for name, tt := range map[string]struct {
		id   socketio.Identity
		want string // a part of the error; empty for none
	}{
		"without a user":         {socketio.Identity{Provider: "tokens"}, "no user"},
		"claims that are a list": {socketio.Identity{User: "ann", Claims: json.RawMessage(`["a"]`)}, "no JSON object"},
		"claims that are null":   {socketio.Identity{User: "ann", Claims: json.RawMessage(`null`)}, "no JSON object"},
		"claims that are broken": {socketio.Identity{User: "ann", Claims: json.RawMessage(`{"a":`)}, "JSON"},
		"the largest":            {socketio.Identity{User: "ann", Claims: json.RawMessage(`{"c":"` + filler + `"}`)}, ""},
		"one byte more":          {socketio.Identity{User: "ann", Claims: json.RawMessage(`{"c":"x` + filler + `"}`)}, "16385 bytes, more than 16384"},
	} {
		t.Run(name, func(t *testing.T) {
			io, url := server(t, socketio.Options{})
			result := make(chan error, 1)
			io.Use(func(s *socketio.Socket) error {
				result <- s.SetIdentity(tt.id)
				return nil
			})
			wiretest.Connect(t, url, path, "/")
			switch err := within(t, result, "the identity"); {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestRow53AClientComesBackAsTheUserThatItWas(t *testing.T) {
	for name, tt := range map[string]struct {
		was, is   string
		recovered bool
	}{
		"the same user":            {"ann/1", "ann/1", true},
		"with other claims":        {"ann/1", "ann/2", true},
		"another user":             {"ann/1", "bob/1", false},
		"anonymous, and was not":   {"ann/1", "", false},
		"a user, and was nobody":   {"", "ann/1", false},
		"anonymous, as it was":     {"", "", true},
		"with a part of the name":  {"ann/1", "an/1", false},
		"in another case":          {"ann/1", "Ann/1", false},
		"with a space behind it":   {"ann/1", "ann /1", false},
		"another user, same claim": {"ann/ann", "bob/ann", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, away := range []bool{true, false} {
				r := newRecovering(t, socketio.Options{Recovery: &socketio.Recovery{RunMiddlewares: true}})
				r.io.Use(byToken)
				g := &guest{Guest: wiretest.Guest{T: t, Token: tt.was}, to: r}
				g.connect()
				old := *g
				if away {
					g.vanish()
				}
				g.Token = tt.is
				if recovered := g.connect(); recovered != tt.recovered {
					t.Fatalf("away %t: recovered %t", away, recovered)
				}
				user, claim, _ := strings.Cut(tt.is, "/")
				switch id := g.socket.Identity(); {
				case tt.is == "" && id != nil:
					t.Errorf("away %t: an anonymous client is %+v", away, id)
				case tt.is != "" && (id == nil || id.User != user || string(id.Claims) != `{"claim":"`+claim+`"}`):
					t.Errorf("away %t: the client is %+v", away, id)
				}
				if tt.recovered {
					continue
				}
				if !away && !old.socket.Connected() {
					t.Error("the client whose session it is has lost its connection")
				}
				if !old.connect() {
					t.Errorf("away %t: the client whose session it is has lost it", away)
				}
			}
		})
	}
}

func TestWithoutMiddlewaresAClientComesBackWithTheIdentityThatItHad(t *testing.T) {
	r := newRecovering(t, socketio.Options{})
	r.io.Use(byToken)
	g := &guest{Guest: wiretest.Guest{T: t, Token: "ann/1"}, to: r}
	g.connect()
	want := *g.socket.Identity()
	for _, token := range []string{"bob/1", ""} {
		g.vanish()
		g.Token = token
		g.mustConnect()
		if diff := cmp.Diff(&want, g.socket.Identity()); diff != "" {
			t.Errorf("identity (-want +got):\n%s", diff)
		}
	}
}

func TestTheIdentityOfAConnectedSocketIsRenewed(t *testing.T) {
	io, url := server(t, socketio.Options{})
	io.Use(byToken)
	sockets := make(chan *socketio.Socket, 1)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	c := wiretest.Dial(t, url, path, "", nil)
	c.Send(`40{"token":"ann/old"}`)
	s := within(t, sockets, "a socket")
	newer := socketio.Identity{Provider: "tokens", User: "ann", Claims: json.RawMessage(`{"claim":"new"}`), Expires: time.Unix(1764460800, 0)}
	if err := s.RenewIdentity(newer); err != nil {
		t.Fatal(err)
	}
	for name, id := range map[string]socketio.Identity{
		"another user": {Provider: "tokens", User: "bob"}, "another provider": {Provider: "others", User: "ann"},
	} {
		if err := s.RenewIdentity(id); !errors.Is(err, socketio.ErrOtherUser) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.RenewIdentity(socketio.Identity{Provider: "tokens", User: "ann", Claims: json.RawMessage(`[]`)}); err == nil {
		t.Error("claims that are a list are accepted")
	}
	if diff := cmp.Diff(&newer, s.Identity()); diff != "" {
		t.Errorf("identity (-want +got):\n%s", diff)
	}
	anonymous, _ := wiretest.Connect(t, url, path, "/")
	defer anonymous.Close()
	if s := within(t, sockets, "an anonymous socket"); !errors.Is(s.RenewIdentity(newer), socketio.ErrOtherUser) || s.Identity() != nil {
		t.Error("an anonymous client has become a user")
	}
}
