// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// Open is the content of an open packet.
type Open struct {
	SessionID    string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

// ParseOpen reads an open packet, which must have no other keys.
func ParseOpen(t testing.TB, packet string) Open {
	t.Helper()
	var open Open
	d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(packet, "0")))
	d.DisallowUnknownFields()
	if err := d.Decode(&open); err != nil || !strings.HasPrefix(packet, "0{") {
		t.Fatalf("%q is no open packet: %v", packet, err)
	}
	return open
}

// Answer is what a request was answered.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// SessionID is the id in an open packet, empty if there is none.
func (a Answer) SessionID() string {
	first, _, _ := strings.Cut(a.Body, "\x1e")
	var open Open
	if err := json.Unmarshal([]byte(strings.TrimPrefix(first, "0")), &open); err != nil {
		return ""
	}
	return open.SessionID
}

// Want checks status and body.
func (a Answer) Want(t testing.TB, status int, body string) {
	t.Helper()
	if a.Status != status || a.Body != body {
		t.Errorf("answered %d %q, want %d %q", a.Status, a.Body, status, body)
	}
}

// Error codes as they stand in an answer's body.
const (
	UnknownTransport = `{"code":0,"message":"Transport unknown"}`
	UnknownSession   = `{"code":1,"message":"Session ID unknown"}`
	BadMethod        = `{"code":2,"message":"Bad handshake method"}`
	BadRequest       = `{"code":3,"message":"Bad request"}`
	BadVersion       = `{"code":5,"message":"Unsupported protocol version"}`
)

// Do sends a request with any method and query.
func (s *Server) Do(method, query, body string, header ...string) Answer {
	s.t.Helper()
	r := s.Request(method, query, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := s.Send(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// Request makes a request for Send. Its context is the test's.
func (s *Server) Request(method, query string, body io.Reader) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+"?"+query, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// Send sends a request.
func (s *Server) Send(r *http.Request) (Answer, error) {
	response, err := s.client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil {
		return Answer{}, err
	}
	return Answer{response.StatusCode, response.Header, body.String()}, nil
}

// Poller is a polling client.
type Poller struct {
	*Session
	Opened Open
	Query  string

	server *Server
}

// Poll opens a session by polling.
func (s *Server) Poll() *Poller {
	s.t.Helper()
	a := s.Do("GET", "EIO=4&transport=polling", "")
	if a.Status != http.StatusOK {
		s.t.Fatalf("handshake answered %d %q", a.Status, a.Body)
	}
	open := ParseOpen(s.t, a.Body)
	return &Poller{
		Session: s.Session(),
		Opened:  open,
		Query:   "EIO=4&transport=polling&sid=" + open.SessionID,
		server:  s,
	}
}

// Get polls once.
func (p *Poller) Get() Answer {
	p.t.Helper()
	return p.server.Do("GET", p.Query, "")
}

// Post sends packets.
func (p *Poller) Post(payload string) Answer {
	p.t.Helper()
	return p.server.Do("POST", p.Query, payload)
}

// StartGet begins a poll, and returns when the server has it; the answer comes over the channel.
func (p *Poller) StartGet() <-chan Answer {
	p.t.Helper()
	r := p.server.Request("GET", p.Query, nil)
	answer := make(chan Answer, 1)
	go func() {
		a, err := p.server.Send(r)
		if err != nil {
			a.Body = err.Error()
		}
		answer <- a
	}()
	Eventually(p.t, "the poll to arrive", p.Writable)
	return answer
}

// Answer waits for the answer of StartGet.
func (p *Poller) Answer(c <-chan Answer) Answer {
	p.t.Helper()
	return receive(p.t, c, "an answer")
}

// WantGone checks that the server does not know the session any more.
func (p *Poller) WantGone() {
	p.t.Helper()
	p.Get().Want(p.t, http.StatusBadRequest, UnknownSession)
}

// WantAlive checks that the session carries messages both ways.
func (p *Poller) WantAlive() {
	p.t.Helper()
	p.Post("4still there").Want(p.t, http.StatusOK, "ok")
	p.Get().Want(p.t, http.StatusOK, "4still there")
	p.WantOpen()
}
