// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/nats-io/nats.go"
)

// transport carries a question to the program, and its answer back.
type transport interface {
	ask(ctx context.Context, question []byte) ([]byte, error)
	close()
}

// HTTP is a program at a URL.
type HTTP struct {
	// URL begins with https:// or http://; the latter is for programs in the same cluster, since
	// tokens are sent there. It has no user in it.
	URL string
	// CA are the certificates of authorities, as PEM, that the server's must be signed by. Empty:
	// those of the system.
	CA string
	// Header is sent with each question; Authorization, for example. May be nil.
	Header http.Header
}

type httpTransport struct {
	url       string
	header    http.Header
	client    *http.Client
	transport *http.Transport
}

func (h HTTP) transport(connections int) (*httpTransport, error) {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the URL of a webhook: %w", err)
	case u.User != nil:
		return nil, errors.New("read the URL of a webhook: a user in it would end up in logs")
	case u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("read the URL of a webhook: %s does not begin with https:// or http:// and a host", h.URL)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if h.CA != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM([]byte(h.CA)) {
			return nil, errors.New("read the authorities of a webhook: there is no certificate")
		}
	}
	t := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: config, ForceAttemptHTTP2: true,
		MaxResponseHeaderBytes: maxAnswer, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: connections,
	}
	// A token is sent nowhere but where the configuration says.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	header := h.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	header.Set("Accept", "application/json")
	return &httpTransport{h.URL, header, &http.Client{Transport: t, CheckRedirect: stay}, t}, nil
}

func (t *httpTransport) close() { t.transport.CloseIdleConnections() }

func (t *httpTransport) ask(ctx context.Context, question []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, bytes.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("ask a webhook: %w", err)
	}
	request.Header = t.header.Clone()
	response, err := t.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask a webhook: %w", err)
	}
	defer response.Body.Close()
	// What is read to its end leaves the connection for the next question.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of %s: %w", t.url, err)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the answer of %s has status %d, want 200", t.url, response.StatusCode)
	}
	return body, nil
}

// NATS is a program that answers requests.
type NATS struct {
	// Conn is the caller's, and not closed.
	Conn    *nats.Conn
	Subject string
}

func (n NATS) close() {}

func (n NATS) ask(ctx context.Context, question []byte) ([]byte, error) {
	answer, err := n.Conn.RequestWithContext(ctx, n.Subject, question)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", n.Subject, err)
	}
	return answer.Data, nil
}
