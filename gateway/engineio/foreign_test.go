// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

const (
	friendly  = "https://chat.example"
	foreign   = "https://evil.example"
	forbidden = `{"code":4,"message":"Forbidden"}`
)

// listed is a server that lists the origin friendly.
func listed(t *testing.T, configure ...func(*engineio.Config)) *enginetest.Server {
	t.Helper()
	return enginetest.Start(t, append([]func(*engineio.Config){eio3, withWebTransport, with(func(c *engineio.Config) {
		c.CORS = &engineio.CORS{Origins: []string{friendly}, Credentials: true}
	})}, configure...)...)
}

// connectVia asks for a WebTransport session. The answer is 200 if the stream was accepted.
func connectVia(t *testing.T, s *enginetest.Server, header ...string) enginetest.Answer {
	t.Helper()
	client, server := net.Pipe()
	client.Close()
	r := httptest.NewRequest(http.MethodConnect, "/engine.io/", nil)
	r.Host = s.Address
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.Engine.ServeWebTransport(w, r, func(context.Context) (engineio.Stream, error) { return server, nil })
	return enginetest.Answer{Status: w.Code, Body: w.Body.String()}
}

func TestPagesOfForeignOriginsAreRefusedByEveryTransport(t *testing.T) {
	s := listed(t)
	own := "http://" + s.Address
	for _, tt := range []struct {
		name   string
		header []string
		in     bool
	}{
		{"a listed origin", []string{"Origin", friendly}, true},
		{"the service's own origin", []string{"Origin", own}, true},
		{"the service's own origin, and a proxy that ends TLS", []string{"Origin", "https://" + s.Address}, true},
		{"the service's own origin, and a proxy that replaces the host", []string{"Origin", "https://me.example", "Sec-Fetch-Site", "same-origin"}, true},
		{"no browser", nil, true},
		{"a foreign origin", []string{"Origin", foreign}, false},
		{"a foreign origin with the host in its name", []string{"Origin", own + ".evil.example"}, false},
		{"a foreign origin that the browser calls foreign", []string{"Origin", foreign, "Sec-Fetch-Site", "cross-site"}, false},
		{"another port of the same host", []string{"Origin", "http://127.0.0.1:1", "Sec-Fetch-Site", "same-site"}, false},
		{"a page in a sandbox", []string{"Origin", "null"}, false},
		{"an empty origin", []string{"Origin", ""}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, query := range []string{polling, polling3} {
				a := s.Do("GET", query, "", tt.header...)
				if tt.in != (a.Status == http.StatusOK) {
					t.Errorf("polling %s is answered %d", query, a.Status)
				}
				if !tt.in {
					a.Want(t, http.StatusForbidden, forbidden)
				}
			}
			for _, query := range []string{websocket, websocket3} {
				socket, a := s.TryDial(query, tt.header...)
				if tt.in != (socket != nil) {
					t.Errorf("websocket %s is answered %d", query, a.Status)
				}
				if !tt.in {
					a.Want(t, http.StatusForbidden, "Forbidden")
				}
			}
			a := connectVia(t, s, tt.header...)
			if tt.in != (a.Status == http.StatusOK) {
				t.Errorf("WebTransport is answered %d", a.Status)
			}
			if !tt.in {
				a.Want(t, http.StatusForbidden, forbidden)
			}
		})
	}
}

// Script elements poll by JSONP. They send no origin, but browsers say what kind of page they are
// on.
func TestScriptsOfForeignPagesAreRefused(t *testing.T) {
	s := listed(t)
	for _, tt := range []struct {
		name   string
		header []string
		status int
	}{
		{"a foreign page", []string{"Sec-Fetch-Site", "cross-site", "Referer", foreign + "/"}, http.StatusForbidden},
		{"a foreign page that hides where it is", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"a page that is listed", []string{"Sec-Fetch-Site", "cross-site", "Referer", friendly + "/"}, http.StatusOK},
		{"a page of the service's own", []string{"Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{"the address bar", []string{"Sec-Fetch-Site", "none"}, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if a := s.Do("GET", polling3+"&j=0", "", tt.header...); a.Status != tt.status {
				t.Errorf("answered %d, want %d", a.Status, tt.status)
			}
		})
	}
}

func TestPagesOfForeignOriginsDoNotReachSessions(t *testing.T) {
	s := listed(t)
	p := s.Poll()
	s.Do("POST", p.Query, "4hello", "Origin", foreign).Want(t, http.StatusForbidden, forbidden)
	s.Do("GET", p.Query, "", "Origin", foreign).Want(t, http.StatusForbidden, forbidden)
	if socket, a := s.TryDial(websocket+"&sid="+p.ID(), "Origin", foreign); socket != nil {
		t.Error("the upgrade is accepted")
	} else {
		a.Want(t, http.StatusForbidden, "Forbidden")
	}
	s.Do("POST", p.Query, "4hello", "Origin", friendly).Want(t, http.StatusOK, "ok")
	if got := p.Message().Data; got != "hello" {
		t.Errorf("received %q", got)
	}
}

func TestOriginsAreCheckedWhereSomeAreListed(t *testing.T) {
	for name, cors := range map[string]*engineio.CORS{
		"no CORS":      nil,
		"none listed":  {},
		"any":          {Origins: []string{"*"}},
		"headers only": {Origins: []string{friendly}, HeadersOnly: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := listed(t, with(func(c *engineio.Config) { c.CORS = cors }))
			a := s.Do("GET", polling, "", "Origin", foreign)
			socket, b := s.TryDial(websocket, "Origin", foreign)
			c := connectVia(t, s, "Origin", foreign)
			if a.Status != http.StatusOK || socket == nil || c.Status != http.StatusOK {
				t.Errorf("answered %d, %d and %d", a.Status, b.Status, c.Status)
			}
		})
	}
}

// A session keeps the list that it has begun with.
func TestOriginsOfAReloadAreForNewSessions(t *testing.T) {
	var config engineio.Config
	s := listed(t, with(func(c *engineio.Config) { config = *c }))
	p := s.Poll()
	config.CORS = &engineio.CORS{Origins: []string{"https://new.example"}}
	if err := s.Engine.Reconfigure(config); err != nil {
		t.Fatal(err)
	}
	s.Do("POST", p.Query, "4hello", "Origin", friendly).Want(t, http.StatusOK, "ok")
	s.Do("GET", polling, "", "Origin", friendly).Want(t, http.StatusForbidden, forbidden)
}

func TestRefusalsOfForeignPagesAreCounted(t *testing.T) {
	reasons := make(chan engineio.RefusalReason, 3)
	s := listed(t, with(func(c *engineio.Config) { c.OnRefused = func(r engineio.RefusedHandshake) { reasons <- r.Reason } }))
	s.Do("GET", polling, "", "Origin", foreign)
	s.TryDial(websocket, "Origin", foreign)
	connectVia(t, s, "Origin", foreign)
	close(reasons) // each is counted before it is answered
	n := 0
	for reason := range reasons {
		if n++; reason != engineio.RefusedOrigin {
			t.Errorf("reason %q", reason)
		}
	}
	if n != 3 {
		t.Errorf("%d refusals are counted", n)
	}
}
