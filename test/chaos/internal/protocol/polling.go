// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// StatusError is an answer to a polling request that ends the session.
type StatusError struct {
	method string
	status int
	body   string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s: status %d %s", e.method, e.status, e.body)
}

// pollingLink is a session by polling: at most one GET and one POST at a time, like the stock
// client.
type pollingLink struct {
	dialer *Dialer
	sid    string
	ctx    context.Context
	cancel context.CancelCauseFunc
	got    []string // of Next alone

	mu      sync.Mutex
	waiting []string
	posting bool
}

// Polling opens a session by polling.
func (d *Dialer) Polling(ctx context.Context) (Link, Handshake, error) {
	l := &pollingLink{dialer: d}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	body, err := l.request(http.MethodGet, "")
	if err != nil {
		l.Close()
		return nil, Handshake{}, err
	}
	packets := splitPayload(body)
	h, err := parseOpen(packets[0])
	if err != nil {
		l.Close()
		return nil, Handshake{}, err
	}
	// The session outlives the time that opening it may take.
	l.cancel(nil)
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.sid, l.got = h.SID, packets[1:]
	return l, h, nil
}

func (l *pollingLink) Next() (string, error) {
	for len(l.got) == 0 {
		body, err := l.request(http.MethodGet, "")
		if err != nil {
			l.Close()
			return "", err
		}
		l.got = splitPayload(body)
	}
	packet := l.got[0]
	l.got = l.got[1:]
	return packet, nil
}

func (l *pollingLink) Send(packets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, packets...)
	if !l.posting {
		l.posting = true
		go l.post()
	}
}

// post sends what is waiting until nothing is.
func (l *pollingLink) post() {
	for {
		l.mu.Lock()
		packets := l.waiting
		l.waiting = nil
		l.posting = len(packets) > 0
		l.mu.Unlock()
		if len(packets) == 0 {
			return
		}
		if _, err := l.request(http.MethodPost, joinPayload(packets)); err != nil {
			l.cancel(err) // Next fails
			return
		}
	}
}

// request goes to whatever gateway is next.
func (l *pollingLink) request(method, body string) (string, error) {
	address, err := l.dialer.gateway()
	if err != nil {
		return "", err
	}
	url := "http://" + address + "/socket.io/?EIO=4&transport=polling"
	if l.sid != "" {
		url += "&sid=" + l.sid
	}
	// Of a reader that net/http does not know, it sends nothing a second time by itself.
	req, err := http.NewRequestWithContext(l.ctx, method, url, io.MultiReader(strings.NewReader(body)))
	if err != nil {
		return "", fmt.Errorf("make a request: %w", err)
	}
	req.ContentLength = int64(len(body))
	resp, err := l.dialer.http.Do(req)
	if err != nil {
		if cause := context.Cause(l.ctx); cause != nil {
			err = cause
		}
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, MaxPacket))
	if err != nil {
		return "", fmt.Errorf("read the answer to %s: %w", method, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", &StatusError{method, resp.StatusCode, strings.TrimSpace(string(answer))}
	}
	return string(answer), nil
}

func (l *pollingLink) Close() { l.cancel(context.Canceled) }
