// SPDX-License-Identifier: Apache-2.0

package service

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
	"github.com/realtime-operator/realtime-operator/gateway/tracing"
)

// BenchmarkTracedEvent is BenchmarkEvent's chatMessage with a tracer.
func BenchmarkTracedEvent(b *testing.B) {
	for _, traced := range []struct {
		name       string
		perMillion int
	}{{"off", -1}, {"1%", 10_000}, {"100%", 1_000_000}} {
		b.Run(traced.name, func(b *testing.B) {
			collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer collector.Close()
			tracer := tracing.New(tracing.Options{Log: slog.New(slog.DiscardHandler)})
			defer tracer.Close()
			if traced.perMillion >= 0 {
				if err := tracer.Configure(&tracing.Config{Endpoint: collector.URL, PerMillion: traced.perMillion}); err != nil {
					b.Fatal(err)
				}
			}
			server, err := socketio.NewServer(socketio.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer server.Close()
			o := Options{Registerer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler), Tracer: tracer}
			NewRuntime(server, o).Apply(program(b, guideHandlers))
			c := connectPolling(b, server)
			packet := `42["chatMessage","` + hundredBytes + `"]`
			const most = 500
			all := strings.Repeat(packet+"\x1e", most)
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; left -= most {
				n := min(left, most)
				c.post(all[:n*(len(packet)+1)-1])
				c.poll()
			}
		})
	}
}
