// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/realtime-operator/realtime-operator/api/gatewayadmin"
)

// maxRefusal bounds how much is read of an answer that is an error, in bytes.
const maxRefusal = 16 << 10

// RefusedError is an answer that is an error.
type RefusedError struct {
	Status int
	// Text is the body of the answer.
	Text string
}

func (e *RefusedError) Error() string { return e.Text }

// ExitCode returns that of the program.
func (e *RefusedError) ExitCode() int { return gatewayadmin.ExitRefused }

// Ask sends a request to the gateway that listens at an address, and writes the body of the answer
// as it arrives. An answer that is an error is a *RefusedError.
func Ask(ctx context.Context, address, method, path string, body io.Reader, out io.Writer) error {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", address)
	}}
	defer transport.CloseIdleConnections()
	if method == http.MethodPost {
		data, err := io.ReadAll(body)
		if err != nil {
			return fmt.Errorf("read what to send: %w", err)
		}
		body = bytes.NewReader(data)
	} else {
		body = nil
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://gateway"+path, body)
	if err != nil {
		return fmt.Errorf("ask the gateway: %w", err)
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("ask the gateway, which listens if it runs in this container: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode >= http.StatusBadRequest {
		text, err := io.ReadAll(io.LimitReader(response.Body, maxRefusal))
		if err != nil {
			return fmt.Errorf("read the answer: %w", err)
		}
		return &RefusedError{Status: response.StatusCode, Text: strings.TrimSpace(string(text))}
	}
	if _, err := io.Copy(out, response.Body); err != nil && ctx.Err() == nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	return nil
}
