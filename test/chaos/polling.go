// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// statusError is an answer to a polling request that ends the session.
type statusError struct {
	method string
	status int
	body   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d %s", e.method, e.status, e.body)
}

// pollingLink is a session by polling: at most one GET and one POST at a time, like the stock client.
type pollingLink struct {
	client *client
	sid    string
	ctx    context.Context
	cancel context.CancelCauseFunc
	got    []string // of next alone

	mu      sync.Mutex
	waiting []string
	posting bool
}

func openPolling(ctx context.Context, c *client) (link, handshake, error) {
	l := &pollingLink{client: c}
	l.ctx, l.cancel = context.WithCancelCause(ctx)
	body, err := l.request(http.MethodGet, "")
	if err != nil {
		l.close()
		return nil, handshake{}, err
	}
	packets := splitPayload(body)
	h, err := parseOpen(packets[0])
	if err != nil {
		l.close()
		return nil, handshake{}, err
	}
	// The session outlives the time that opening it may take.
	l.cancel(nil)
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	l.sid, l.got = h.SID, packets[1:]
	return l, h, nil
}

func (l *pollingLink) next() (string, error) {
	for len(l.got) == 0 {
		body, err := l.request(http.MethodGet, "")
		if err != nil {
			l.close()
			return "", err
		}
		l.got = splitPayload(body)
	}
	packet := l.got[0]
	l.got = l.got[1:]
	return packet, nil
}

func (l *pollingLink) send(packets ...string) {
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
			l.cancel(err) // next fails
			return
		}
	}
}

// request goes to whatever gateway the balancer says.
func (l *pollingLink) request(method, body string) (string, error) {
	address, err := l.client.world.balancer.pick(l.client.id)
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
	resp, err := l.client.http.Do(req)
	if err != nil {
		if cause := context.Cause(l.ctx); cause != nil {
			err = cause
		}
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxPacket))
	if err != nil {
		return "", fmt.Errorf("read the answer to %s: %w", method, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", &statusError{method, resp.StatusCode, strings.TrimSpace(string(answer))}
	}
	return string(answer), nil
}

func (l *pollingLink) close() { l.cancel(context.Canceled) }
