// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// proxy is who answers in front of the server, as far as its answers tell. Safe for concurrent use.
type proxy struct {
	mu    sync.Mutex
	known *settings
}

// settings are what to set in one kind of proxy, one setting in each line.
type settings struct {
	// name of the proxy.
	name string
	// is recognizes its answers; nil for one that leaves no trace in them.
	is func(http.Header) bool
	// upgrade lets WebSockets through.
	upgrade []string
	// silence keeps connections on which nothing happens for the given seconds.
	silence func(seconds int64) []string
	// repeat keeps it from making a request a second time; nil if it does not.
	repeat []string
	// payload lets bodies of the given number of bytes through; nil if nothing limits them by
	// default.
	payload func(bytes int64) []string
	// address passes the client's address on.
	address []string
}

// has recognizes a header with that part, in lower case; any value of it if the part is empty.
func has(name, part string) func(http.Header) bool {
	return func(h http.Header) bool {
		values := h.Values(name)
		return len(values) > 0 && strings.Contains(strings.ToLower(strings.Join(values, ",")), part)
	}
}

func either(recognizers ...func(http.Header) bool) func(http.Header) bool {
	return func(h http.Header) bool {
		for _, is := range recognizers {
			if is(h) {
				return true
			}
		}
		return false
	}
}

func lines(text ...string) []string { return text }

// seconds fills in a time: SECONDS.
func seconds(texts ...string) func(int64) []string {
	return func(n int64) []string { return filled(texts, "SECONDS", fmt.Sprint(n)) }
}

// sized fills in a size: BYTES, or MIB rounded up.
func sized(texts ...string) func(int64) []string {
	return func(n int64) []string {
		return filled(texts, "BYTES", fmt.Sprint(n), "MIB", fmt.Sprint((n+1<<20-1)>>20))
	}
}

func filled(texts []string, names ...string) (filled []string) {
	r := strings.NewReplacer(names...)
	for _, text := range texts {
		filled = append(filled, r.Replace(text))
	}
	return filled
}

// proxies are those that are known. The first that recognizes an answer counts, so that what stands
// nearest to clients goes before what is behind it.
var proxies = []settings{
	{
		name:    "Cloudflare",
		is:      either(has("Server", "cloudflare"), has("Cf-Ray", "")),
		upgrade: lines("Network → WebSockets: On"),
		silence: seconds("its limit of a silent request is 100 s and cannot be raised in most plans: spec.protocol.pingInterval must be shorter"),
		payload: sized("its limit of a body is 100 MB in most plans: spec.protocol.maxPayload must be smaller"),
		address: lines("nothing: it appends; name its published ranges in spec.protocol.trustedProxies"),
	},
	{
		name:    "CloudFront",
		is:      either(has("Via", "cloudfront"), has("X-Amz-Cf-Id", "")),
		upgrade: lines("cache policy CachingDisabled and origin request policy AllViewer for the path of Engine.IO"),
		silence: seconds("the origin's response timeout: more than SECONDS s"),
		address: lines("nothing: it appends; name its published ranges in spec.protocol.trustedProxies"),
	},
	{
		name:    "an AWS Application Load Balancer",
		is:      either(has("Server", "awselb"), has("Set-Cookie", "awsalb")),
		upgrade: lines("nothing in the balancer itself: see whether its target group leads to the Service, by HTTP/1.1"),
		silence: seconds("idle_timeout.timeout_seconds=SECONDS, or more"),
		address: lines("nothing: it appends; name its subnets in spec.protocol.trustedProxies"),
	},
	{
		name:    "a Google Cloud load balancer",
		is:      has("Via", "1.1 google"),
		upgrade: lines("nothing in the balancer itself: see whether its backend is the Service, by HTTP/1.1"),
		silence: seconds("BackendConfig or GCPBackendPolicy: timeoutSec: 86400, since it also ends WebSockets"),
		address: lines("nothing: it appends its own address behind the client's; name both in spec.protocol.trustedProxies"),
	},
	{
		name:    "an Azure Application Gateway",
		is:      has("Server", "microsoft-azure-application-gateway"),
		upgrade: lines("nothing: WebSockets are on"),
		silence: seconds("requestTimeout of the backend's HTTP settings: more than SECONDS s"),
		payload: sized("with a WAF: maxRequestBodySizeInKb for MIB MiB"),
		address: lines("nothing: it appends; its elements may have a port"),
	},
	{
		name: "Varnish",
		is:   either(has("Via", "varnish"), has("X-Varnish", "")),
		upgrade: lines(`sub vcl_recv { if (req.http.Upgrade ~ "(?i)websocket") { return (pipe); } }`,
			"sub vcl_pipe { if (req.http.Upgrade) { set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection; } }"),
		silence: seconds("varnishd -p pipe_timeout=SECONDS -p first_byte_timeout=SECONDS, or more"),
		address: lines("nothing: it appends"),
	},
	{
		name:    "Squid",
		is:      has("Via", "squid"),
		upgrade: lines("http_upgrade_request_protocols websocket allow all"),
		silence: seconds("read_timeout: more than SECONDS seconds"),
		payload: sized("request_body_max_size MIB MB, or more"),
		address: lines("nothing: it appends"),
	},
	{
		name:    "Caddy",
		is:      either(has("Server", "caddy"), has("Via", "caddy")),
		upgrade: lines("nothing: reverse_proxy passes WebSockets on"),
		silence: seconds("reverse_proxy { transport http { response_header_timeout SECONDSs; read_timeout SECONDSs } }, or neither"),
		payload: sized("request_body { max_size MIBMiB }, or no limit"),
		address: lines("nothing: it replaces what the client has sent"),
	},
	{
		name: "nginx",
		is:   either(has("Server", "nginx"), has("Server", "openresty")),
		upgrade: lines("proxy_http_version 1.1;", "proxy_set_header Upgrade $http_upgrade;",
			"proxy_set_header Connection $connection_upgrade;   # map $http_upgrade $connection_upgrade { default upgrade; '' ''; }"),
		repeat:  lines("proxy_next_upstream off;"),
		silence: seconds("proxy_read_timeout SECONDSs;   # or more; ingress-nginx: nginx.ingress.kubernetes.io/proxy-read-timeout"),
		payload: sized("client_max_body_size MIBm;   # ingress-nginx: nginx.ingress.kubernetes.io/proxy-body-size"),
		address: lines("proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"),
	},
	{
		name:    "Apache",
		is:      has("Server", "apache"),
		upgrade: lines("ProxyPass / http://SERVICE/ upgrade=websocket   # in a balancer: on each BalancerMember"),
		silence: seconds("ProxyTimeout SECONDS   # or more"),
		payload: sized("LimitRequestBody BYTES   # or more"),
		address: lines("nothing: it appends"),
	},
	{
		name:    "lighttpd",
		is:      has("Server", "lighttpd"),
		upgrade: lines(`proxy.header = ("upgrade" => "enable")`),
		silence: seconds("server.max-read-idle = SECONDS   # or more"),
		payload: sized("server.max-request-size: more than BYTES bytes, in its unit of KB"),
		address: lines("nothing: it appends"),
	},
	{
		name:    "h2o",
		is:      has("Server", "h2o"),
		upgrade: lines("proxy.websocket: ON"),
		silence: seconds("proxy.timeout.io: SECONDS000   # milliseconds, or more"),
		payload: sized("limit-request-body: BYTES   # or more"),
		address: lines("nothing: it appends"),
	},
	{
		name:    "Envoy",
		is:      has("Server", "envoy"),
		upgrade: lines("upgrade_configs: [{upgrade_type: websocket}]   # an implementation of Gateway API sets it"),
		repeat:  lines("no retry_policy on the route"),
		silence: seconds("the route's timeout: 0s and idle_timeout: more than SECONDS s; HTTPRoute: timeouts: {request: 0s}"),
		payload: sized("a buffer filter's max_request_bytes: BYTES, or no buffer filter"),
		address: lines("use_remote_address: true at the edge"),
	},
}

// quiet are proxies that leave no trace in what they pass on.
var quiet = []settings{
	{
		name:    "HAProxy",
		upgrade: lines("nothing: it passes WebSockets on in mode http"),
		silence: seconds("timeout client SECONDSs, timeout server SECONDSs, timeout tunnel 1h; or more"),
		address: lines("option forwardfor"),
	},
	{
		name:    "Traefik",
		upgrade: lines("nothing: it passes WebSockets on"),
		silence: seconds("entryPoints.NAME.transport.respondingTimeouts.readTimeout: 0, serversTransport.forwardingTimeouts.responseHeaderTimeout: 0"),
		payload: sized("a buffering middleware's maxRequestBodyBytes: BYTES, or no such middleware"),
		address: lines("nothing: it drops what strangers have sent"),
	},
}

// learn remembers who has answered.
func (p *proxy) learn(h http.Header) {
	for i := range proxies {
		if proxies[i].is(h) {
			p.mu.Lock()
			p.known = &proxies[i]
			p.mu.Unlock()
			return
		}
	}
}

// name is that of the proxy, for a sentence about it.
func (p *proxy) name() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		return "a proxy that does not tell its name"
	}
	return p.known.name
}

// advise returns the advice for the proxy, or that for each of those that it may be.
func (p *proxy) advise(of func(*settings) []string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known != nil {
		return of(p.known)
	}
	var all []string
	for _, list := range [][]settings{quiet, proxies} {
		for i := range list {
			if advice := of(&list[i]); len(advice) > 0 && usual(list[i].name) {
				all = append(all, list[i].name+": "+strings.Join(advice, " "))
			}
		}
	}
	return all
}

// usual reports whether advice for a proxy is given although nothing is known of it: for those that
// teams run themselves and that may be told to be silent.
func usual(name string) bool {
	switch name {
	case "HAProxy", "Traefik", "nginx", "Envoy":
		return true
	}
	return false
}

func upgradeSettings(s *settings) []string { return s.upgrade }

func repeatSettings(s *settings) []string { return s.repeat }

func addressSettings(s *settings) []string { return s.address }

func silenceSettings(seconds int64) func(*settings) []string {
	return func(s *settings) []string { return s.silence(seconds) }
}

func payloadSettings(bytes int64) func(*settings) []string {
	return func(s *settings) []string {
		if s.payload == nil {
			return nil
		}
		return s.payload(bytes)
	}
}
