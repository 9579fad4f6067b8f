// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/identity/outgoing"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

// transport carries a question to the program, and its answer back.
type transport interface {
	// ask fails with errOutOfReach if the program could not be asked. With any other error the
	// question, or what became of it, is to blame.
	ask(ctx context.Context, question []byte) ([]byte, error)
	close()
}

// HTTP is a program at a URL.
type HTTP struct {
	// URL begins with https://, or http:// if AllowHTTP is true, which is for programs in the same
	// cluster, since tokens are sent there. It has no user in it.
	URL       string
	AllowHTTP bool
	// CA are the certificates of authorities, as PEM, that the server's must be signed by. Empty:
	// those of the system. With CAByTrust they come by Webhook.Trust.
	CA        string
	CAByTrust bool
	// Credentials returns the token that the program is shown as Authorization: Bearer. Without one
	// nobody is asked. A nil Credentials is for a program that wants none.
	Credentials func() string
}

type httpTransport struct {
	server      *outgoing.Server
	credentials func() string
}

func (h HTTP) transport(connections int) (*httpTransport, error) {
	// A token is sent nowhere but where the configuration says, so no redirect is followed.
	server, err := outgoing.New(outgoing.Config{
		URL: h.URL, AllowHTTP: h.AllowHTTP, CA: h.CA, CAByTrust: h.CAByTrust,
		MaxHeaderBytes: maxAnswer, Idle: connections,
	})
	if err != nil {
		return nil, fmt.Errorf("ask a webhook: %w", err)
	}
	return &httpTransport{server, h.Credentials}, nil
}

func (t *httpTransport) close() { t.server.Close() }

var (
	// errOutOfReach is of a program that could not be asked, whoever the client is.
	errOutOfReach    = errors.New("the program is out of reach")
	errNoCredentials = errors.New("ask a webhook: there is no token to show to it")
)

// outOfReach marks an error as errOutOfReach, and keeps its text.
type outOfReach struct{ error }

func (e outOfReach) Unwrap() []error { return []error{errOutOfReach, e.error} }

func (t *httpTransport) ask(ctx context.Context, question []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.server.URL(), bytes.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("ask a webhook: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	for name, values := range wire.ContextHeader(ctx) {
		request.Header.Set(name, values[0])
	}
	if t.credentials != nil {
		token := t.credentials()
		if token == "" {
			return nil, outOfReach{errNoCredentials}
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := t.server.Do(request)
	if err != nil {
		return nil, outOfReach{fmt.Errorf("ask a webhook: %w", err)}
	}
	defer response.Body.Close()
	// What is read to its end leaves the connection for the next question.
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch status := response.StatusCode; {
	case status != http.StatusOK:
		err = fmt.Errorf("the answer of %s has status %d, want 200", t.server.URL(), status)
		if fromProxy(status) {
			err = outOfReach{err}
		}
		return nil, err
	case err != nil:
		return nil, outOfReach{fmt.Errorf("read the answer of %s: %w", t.server.URL(), err)}
	}
	return body, nil
}

// fromProxy reports whether a status is one with which a proxy says that it has no program to ask.
// Any other may be about one question: a program that fails for it (500), or has had too many of a
// client (429).
func fromProxy(status int) bool {
	switch status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// NATS is a program that answers requests.
type NATS struct {
	// Request sends a request and waits for the answer, like nats.Conn.RequestWithContext.
	Request func(ctx context.Context, subject string, data []byte) (*nats.Msg, error)
	Subject string
}

func (n NATS) close() {}

func (n NATS) ask(ctx context.Context, question []byte) ([]byte, error) {
	answer, err := n.Request(ctx, n.Subject, question)
	if err != nil {
		err = fmt.Errorf("ask %s: %w", n.Subject, err)
		if !errors.Is(err, nats.ErrMaxPayload) { // the question's length is the client's affair
			err = outOfReach{err}
		}
		return nil, err
	}
	return answer.Data, nil
}
