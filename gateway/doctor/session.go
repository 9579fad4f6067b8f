// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// answerLimit bounds what is read of an answer, in bytes: more than any server sends in one.
const answerLimit = 64 << 20

// answer is the answer to a request.
type answer struct {
	status   int
	protocol string
	header   http.Header
	body     []byte
}

// statusError is an answer other than 200.
type statusError struct {
	answer
}

func (e *statusError) Error() string {
	text := fmt.Sprintf("%d %s", e.status, http.StatusText(e.status))
	var refusal struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(e.body, &refusal) == nil && refusal.Message != "" {
		return fmt.Sprintf("%s (%q)", text, refusal.Message)
	}
	return text
}

// isProxys reports whether the answer is not that of an Engine.IO server, whose refusals are JSON
// with a code.
func (e *statusError) isProxys() bool {
	var refusal struct {
		Code *int `json:"code"`
	}
	return json.Unmarshal(e.body, &refusal) != nil || refusal.Code == nil
}

// do makes a request. An answer other than 200 is a *statusError.
func (p *patient) do(ctx context.Context, client *http.Client, method, url string, body []byte) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header = p.headers()
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, unwrapped(err)
	}
	defer func() { _ = response.Body.Close() }() // it has been read
	a := answer{status: response.StatusCode, protocol: response.Proto, header: response.Header}
	p.proxy.learn(a.header)
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, answerLimit)); err != nil {
		return a, fmt.Errorf("read the answer: %w", err)
	}
	if a.status != http.StatusOK {
		return a, &statusError{a}
	}
	return a, nil
}

// unwrapped removes what net/http says in front of an error: the URL has the session's id.
func unwrapped(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// session is a session by polling.
type session struct {
	patient *patient
	client  *http.Client
	open    openPacket
	// handshake is the answer to the first request.
	handshake answer
}

// begin begins a session.
func (p *patient) begin(ctx context.Context, client *http.Client) (*session, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	a, err := p.do(ctx, client, http.MethodGet, p.query("polling", "").String(), nil)
	s := &session{patient: p, client: client, handshake: a}
	if err != nil {
		return s, err
	}
	s.open, err = openPacketOf(string(a.body))
	return s, err
}

// openPacketOf reads the packet with which a server begins a session.
func openPacketOf(packet string) (open openPacket, err error) {
	content, found := strings.CutPrefix(packet, "0")
	if !found || json.Unmarshal([]byte(content), &open) != nil || open.SID == "" {
		return open, fmt.Errorf("the answer is not Engine.IO's: %s", excerpt([]byte(packet)))
	}
	return open, nil
}

func excerpt(body []byte) string {
	const most = 60
	text := strings.Join(strings.Fields(string(body)), " ")
	if len(text) > most {
		text = text[:most] + "…"
	}
	return fmt.Sprintf("%q", text)
}

func (s *session) url() string { return s.patient.query("polling", s.open.SID).String() }

// poll returns the packets that wait, or that are the next to come.
func (s *session) poll(ctx context.Context) ([]string, error) {
	a, err := s.patient.do(ctx, s.client, http.MethodGet, s.url(), nil)
	if err != nil {
		return nil, err
	}
	if hit := cached(a.header); hit != "" {
		return nil, &cachedError{hit}
	}
	return strings.Split(string(a.body), "\x1e"), nil
}

// post sends one packet.
func (s *session) post(ctx context.Context, packet []byte) error {
	_, err := s.patient.do(ctx, s.client, http.MethodPost, s.url(), packet)
	return err
}

// end closes the session, so that the server need not wait for it. It may be gone.
func (s *session) end(ctx context.Context) {
	if s.open.SID == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_ = s.post(ctx, []byte("1")) // or the server ends it by itself
}

// connectPacket is Socket.IO's request to get into the namespace.
func (p *patient) connectPacket() string {
	packet := "40"
	if p.options.Namespace != "/" {
		packet += p.options.Namespace + ","
	}
	return packet + string(p.options.Auth)
}

// admission is the server's answer to it.
type admission struct {
	answered bool
	// refusal is empty if the namespace has let the doctor in.
	refusal string
}

// admissionOf looks for that answer among packets.
func admissionOf(packets []string) admission {
	for _, packet := range packets {
		switch {
		case strings.HasPrefix(packet, "40"):
			return admission{answered: true}
		case strings.HasPrefix(packet, "44"):
			_, content, _ := strings.Cut(packet, "{")
			var refusal struct {
				Message string `json:"message"`
			}
			if json.Unmarshal([]byte("{"+content), &refusal) != nil || refusal.Message == "" {
				refusal.Message = "no reason was given"
			}
			return admission{answered: true, refusal: refusal.Message}
		}
	}
	return admission{}
}

// cachedError means that a poll was answered from a cache.
type cachedError struct{ header string }

func (e *cachedError) Error() string { return "a poll was answered from a cache: " + e.header }

// cached returns the header by which a cache says that the answer is not the server's.
func cached(h http.Header) string {
	for _, name := range []string{"X-Cache", "Cf-Cache-Status", "X-Cache-Status", "Cache-Status"} {
		if strings.Contains(strings.ToLower(h.Get(name)), "hit") {
			return name + ": " + h.Get(name)
		}
	}
	return ""
}
