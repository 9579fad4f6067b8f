// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
)

// engineConfig returns the settings of the wire in the engine's form.
func (g *Gateway) engineConfig(spec *v1alpha1.RealtimeServiceSpec) engineio.Config {
	p := &spec.Protocol
	c := engineio.Config{
		Path:           p.Path,
		PingInterval:   p.PingInterval.Duration,
		PingTimeout:    p.PingTimeout.Duration,
		UpgradeTimeout: p.UpgradeTimeout.Duration,
		MaxPayload:     p.MaxPayload.Value(),
		AllowEIO3:      p.AllowEIO3,
		// A 2.x client uses it as the id of its socket, too, by which other gateways find the
		// socket.
		NewID:                    func() (string, error) { return g.newSessionID(), nil },
		CORS:                     corsConfig(p.CORS),
		Cookie:                   cookieConfig(p.Cookie),
		Headers:                  headersOf(p.Headers),
		InitialHeaders:           headersOf(p.InitialHeaders),
		NoHTTPCompression:        !p.Compression.Polling.Enabled,
		HTTPCompressionThreshold: int(p.Compression.Polling.ThresholdBytes),
		HandshakesPerSecond:      int(p.Handshakes.Rate()),
		HandshakeBurst:           int(p.Handshakes.Burst),
		MaxSessions:              spec.Limits.Connections(),
		MaxSessionsPerAddress:    spec.ConnectionsPerAddress(),
		MaxUnadmittedPerAddress:  spec.UnauthenticatedPerAddress(),
		MaxQueueBytes:            int(p.SlowConsumers.MaxQueueBytes.Value()),
		MaxQueueMessages:         int(p.SlowConsumers.MaxQueueMessages),
		OnRefused:                func(r engineio.RefusedHandshake) { g.refused.WithLabelValues(string(r.Reason)).Inc() },
		OnPanic:                  g.countPanic,
		OnWritten:                func(waited time.Duration) { g.written.Observe(waited.Seconds()) },
		AllowRequest:             g.allowRequest,
		SessionContext:           g.sessionContext,
		RequestIDHeader:          requestIDHeader,
	}
	if p.Compression.WebSocket.Enabled {
		c.PerMessageDeflate = &engineio.PerMessageDeflate{Threshold: int(p.Compression.WebSocket.ThresholdBytes)}
	}
	for _, t := range p.Transports {
		c.Transports = append(c.Transports, string(t))
	}
	if p.WebTransport != nil && g.webTransport {
		c.Transports = append(c.Transports, engineio.WebTransport)
	}
	return c
}

func corsConfig(cors *v1alpha1.CORSSpec) *engineio.CORS {
	if cors == nil {
		return nil
	}
	return &engineio.CORS{
		Origins:        cors.Origins,
		HeadersOnly:    cors.Policy == v1alpha1.CORSHeadersOnly,
		Credentials:    cors.Credentials,
		AllowedHeaders: cors.AllowedHeaders,
		ExposedHeaders: cors.ExposedHeaders,
		MaxAge:         time.Duration(cors.MaxAgeSeconds) * time.Second,
	}
}

var sameSite = map[string]http.SameSite{
	"Lax":    http.SameSiteLaxMode,
	"Strict": http.SameSiteStrictMode,
	"None":   http.SameSiteNoneMode,
}

func cookieConfig(cookie *v1alpha1.CookieSpec) *engineio.Cookie {
	if cookie == nil {
		return nil
	}
	return &engineio.Cookie{
		Name:     cookie.Name,
		Path:     cookie.Path,
		MaxAge:   time.Duration(cookie.MaxAgeSeconds) * time.Second,
		Secure:   cookie.Secure,
		SameSite: sameSite[cookie.SameSite],
	}
}

func headersOf(headers map[string]v1alpha1.HeaderValue) http.Header {
	h := make(http.Header, len(headers))
	for name, value := range headers {
		h.Set(name, string(value))
	}
	return h
}
