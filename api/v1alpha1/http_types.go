// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// defaultHandshakes is the default of the schema, for a service without it.
const defaultHandshakes = 1000

// HandshakesSpec limits the rate of handshakes by a token bucket, of which each new client takes
// one token. It protects a gateway and its clients when very many connect at once. A client that
// finds no token is refused with 503 and a Retry-After of 1 to 5 seconds; stock clients come back
// by themselves. Connected clients are not affected.
type HandshakesSpec struct {
	// perSecond is how many new clients per second each gateway accepts. 0 means no limit.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	PerSecond *int32 `json:"perSecond,omitempty"`

	// burst is how many new clients a gateway accepts at once after a quiet time. Defaults to two
	// seconds' worth.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2000000
	Burst int32 `json:"burst,omitempty"`
}

// Rate returns how many new clients per second a gateway accepts, 0 if there is no limit.
func (h *HandshakesSpec) Rate() int32 {
	if h.PerSecond == nil {
		return defaultHandshakes
	}
	return *h.PerSecond
}

// CORSSpec lists the origins of pages that may connect, by any transport.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.credentials) && self.credentials && self.origins.exists(o, o == '*'))",message="credentials need origins that are named: a browser refuses them with '*'",fieldPath=".credentials"
type CORSSpec struct {
	// origins that may connect, such as https://chat.example.com. An asterisk matches letters,
	// digits, dots and hyphens: https://*.example.com, http://localhost:*. '*' alone matches any
	// origin, 'null' that of a file or a sandbox. Apps whose pages have a scheme of their own list
	// it: capacitor://localhost, file://.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^(\*|null|file://|[a-z][a-z0-9+.-]*://([A-Za-z0-9.*-]+|\[[0-9A-Fa-f:]+\])(:([0-9]+|\*))?)$`
	Origins []string `json:"origins,omitempty"`

	// policy for pages of origins that are neither listed nor the service's own. RefuseUnlisted
	// refuses their requests with 403, by every transport. HeadersOnly leaves it to browsers, which
	// keep such pages from polling, but not from WebSocket and WebTransport.
	// +optional
	// +kubebuilder:default=RefuseUnlisted
	Policy CORSPolicy `json:"policy,omitempty"`

	// credentials allows such pages to send cookies.
	// +optional
	Credentials bool `json:"credentials,omitempty"`

	// allowedHeaders are the request headers that such pages may send. Defaults to the headers that
	// they ask for.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`
	AllowedHeaders []string `json:"allowedHeaders,omitempty"`

	// exposedHeaders are the response headers that such pages may read.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`
	ExposedHeaders []string `json:"exposedHeaders,omitempty"`

	// maxAgeSeconds is how long a browser may remember the answer to a preflight, in seconds. If
	// absent, the header is not sent.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	MaxAgeSeconds int32 `json:"maxAgeSeconds,omitempty"`
}

// CORSPolicy is the treatment of pages whose origin is not listed.
//
// +kubebuilder:validation:Enum=RefuseUnlisted;HeadersOnly
type CORSPolicy string

const (
	// CORSRefuseUnlisted refuses them by every transport.
	CORSRefuseUnlisted CORSPolicy = "RefuseUnlisted"
	// CORSHeadersOnly lets browsers refuse them, as the reference server does.
	CORSHeadersOnly CORSPolicy = "HeadersOnly"
)

// CookieSpec is a cookie with the session id on the answer to a handshake by polling. Gateways do
// not read it; it is for load balancers with session affinity, which gateways do not need. It is
// HttpOnly: scripts cannot read it.
//
// +kubebuilder:validation:XValidation:rule="self.sameSite != 'None' || (has(self.secure) && self.secure)",message="None needs secure: a browser refuses it otherwise",fieldPath=".sameSite"
type CookieSpec struct {
	// name of the cookie.
	// +optional
	// +kubebuilder:default=io
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`
	Name string `json:"name,omitempty"`

	// path that browsers send the cookie to.
	// +optional
	// +kubebuilder:default="/"
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9._~/-]*$`
	Path string `json:"path,omitempty"`

	// sameSite controls whether browsers send the cookie with requests of other sites' pages.
	// +optional
	// +kubebuilder:default=Lax
	// +kubebuilder:validation:Enum=Lax;Strict;None
	SameSite string `json:"sameSite,omitempty"`

	// secure restricts the cookie to TLS.
	// +optional
	Secure bool `json:"secure,omitempty"`

	// maxAgeSeconds is the lifetime of the cookie, in seconds. If absent, the cookie ends with the
	// browser session.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	MaxAgeSeconds int32 `json:"maxAgeSeconds,omitempty"`
}

// CompressionSpec controls the compression of what is sent to clients.
type CompressionSpec struct {
	// polling compresses answers to polls, with gzip or deflate, for clients that accept it.
	// +kubebuilder:default={enabled: true}
	// +optional
	Polling CompressionRule `json:"polling,omitzero"` //nolint:kubeapilinter // what is required is in the default

	// webSocket compresses WebSocket messages (permessage-deflate, RFC 7692). It costs CPU time and
	// memory, and small messages gain nothing, so it is off by default.
	// +kubebuilder:default={enabled: false}
	// +optional
	WebSocket CompressionRule `json:"webSocket,omitzero"` //nolint:kubeapilinter // what is required is in the default
}

// CompressionRule switches compression on or off.
type CompressionRule struct {
	// enabled switches compression on.
	// +required
	Enabled bool `json:"enabled"` //nolint:kubeapilinter // false is said, too

	// thresholdBytes is the size from which data is compressed, in bytes.
	// +optional
	// +kubebuilder:default=1024
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1048576
	ThresholdBytes int32 `json:"thresholdBytes,omitempty"`
}

// HeaderValue is the value of an HTTP header, without control characters.
//
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^[^\x00-\x08\x0A-\x1F\x7F]*$`
type HeaderValue string

// AdmissionRule is a condition on handshakes, checked before a client is connected.
type AdmissionRule struct {
	// expression is a CEL condition that must be true. It sees `request` (method, host, path,
	// query, headers, address, secure) and `now`. A rule that fails to evaluate refuses the
	// handshake.
	// +required
	Expression Expression `json:"expression,omitempty"`

	// message that a refused client gets, with status 403.
	// +optional
	// +kubebuilder:default=Forbidden
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`
}
