// SPDX-License-Identifier: Apache-2.0

package tracing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	pb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// tracesPath is where a collector takes spans.
const tracesPath = "/v1/traces"

// maxAnswer is how much of a collector's answer is read, so that its connection can be used again.
const maxAnswer = 64 << 10

// exporter sends spans by OTLP over HTTP, as Protocol Buffers
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp). OpenTelemetry's own client, otlptracehttp,
// links all of gRPC. This one sends what the library otlptrace makes of spans.
type exporter struct {
	spans  *otlptrace.Exporter
	client *http.Client
}

func newExporter(endpoint string, headers map[string]string) (*exporter, error) {
	u, err := ParseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	client := &http.Client{
		Transport: transport,
		// Headers may have a token in them, which is sent nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &exporter{otlptrace.NewUnstarted(&upload{client, u, headers}), client}, nil
}

// ParseEndpoint returns the URL that spans are sent to.
func ParseEndpoint(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "", errors.New("the endpoint is no URL") // which may have a password in it
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "", errors.New("the endpoint must begin with http:// or https:// and a host, such as http://collector.monitoring:4318")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the endpoint must have no user, query or fragment; a token is a header, in the variable OTEL_EXPORTER_OTLP_HEADERS")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = tracesPath
	}
	return u.String(), nil
}

func (e *exporter) export(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	return e.spans.ExportSpans(ctx, spans)
}

func (e *exporter) close() { e.client.CloseIdleConnections() }

// upload is the otlptrace.Client of an exporter.
type upload struct {
	client  *http.Client
	url     string
	headers map[string]string
}

func (u *upload) Start(context.Context) error { return nil }
func (u *upload) Stop(context.Context) error  { return nil }

// UploadTraces sends spans. TracesData has the bytes of ExportTraceServiceRequest, which is in a
// package with gRPC.
func (u *upload) UploadTraces(ctx context.Context, spans []*pb.ResourceSpans) error {
	body, err := proto.Marshal(&pb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	for name, value := range u.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	answer, err := u.client.Do(request)
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("send spans: %s answers with status %d", u.url, answer.StatusCode)
	}
	return nil
}
