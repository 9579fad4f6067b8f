// SPDX-License-Identifier: Apache-2.0

package socketio_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// poller is a client by long-polling that sees every payload.
type poller struct {
	t   *testing.T
	url string
}

func newPoller(t *testing.T, url string) *poller {
	t.Helper()
	p := &poller{t: t, url: url + path + "?EIO=4&transport=polling"}
	_, open := p.get()
	var handshake struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(open, "0")), &handshake); err != nil {
		t.Fatalf("open packet %q: %v", open, err)
	}
	p.url += "&sid=" + handshake.SID
	return p
}

func (p *poller) get() (int, string) {
	p.t.Helper()
	resp, err := http.Get(p.url)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.read(resp)
}

func (p *poller) read(resp *http.Response) (int, string) {
	p.t.Helper()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func (p *poller) post(payload string) {
	p.t.Helper()
	resp, err := http.Post(p.url, "text/plain;charset=UTF-8", strings.NewReader(payload))
	if err != nil {
		p.t.Fatal(err)
	}
	if status, body := p.read(resp); status != http.StatusOK || body != "ok" {
		p.t.Fatalf("post %.80s: %d %s", payload, status, body)
	}
}

// expectClosed wants the session's end: a CLOSE packet, perhaps behind a NOOP, and then nothing
// more.
func (p *poller) expectClosed() {
	p.t.Helper()
	if _, body := p.get(); body != "1" && body != "6\x1e1" {
		p.t.Errorf("poll of a closed session brings %q", body)
	}
	if status, body := p.get(); status != http.StatusBadRequest {
		p.t.Errorf("poll after the end: %d %q", status, body)
	}
}
