// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// defaultHandshakes is the schema's default, for a service that has not been through it.
const defaultHandshakes = 1000

// HandshakesSpec is a bucket of tokens, of which each new client takes one. It spares a gateway, and the clients it has, when
// very many come at once: those that find no token are refused with 503 and Retry-After, and stock clients come back by themselves.
type HandshakesSpec struct {
	// perSecond is how many tokens a gateway's bucket gets in a second; 0 lets everybody in.
	// +optional
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	PerSecond *int32 `json:"perSecond,omitempty"`

	// burst is how many tokens the bucket holds; left out, two seconds' worth.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=2000000
	Burst int32 `json:"burst,omitempty"`
}

// Rate is how many clients a second a gateway lets in; 0 if there is no bound.
func (h *HandshakesSpec) Rate() int32 {
	if h.PerSecond == nil {
		return defaultHandshakes
	}
	return *h.PerSecond
}

// CORSSpec says which pages of other origins may connect, by any transport.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.credentials) && self.credentials && self.origins.exists(o, o == '*'))",message="credentials need origins that are named: a browser refuses them with '*'",fieldPath=".credentials"
type CORSSpec struct {
	// origins such as https://chat.example.com. An asterisk stands for some letters, digits, dots and hyphens:
	// https://*.example.com, http://localhost:*. '*' alone is any origin, 'null' that of a file or a sandbox. Apps whose pages have
	// a scheme of their own name it: capacitor://localhost, file://.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=256
	// +kubebuilder:validation:items:Pattern=`^(\*|null|file://|[a-z][a-z0-9+.-]*://([A-Za-z0-9.*-]+|\[[0-9A-Fa-f:]+\])(:([0-9]+|\*))?)$`
	Origins []string `json:"origins,omitempty"`

	// policy says what becomes of pages of other origins than these, and than the service's own. RefuseUnlisted refuses
	// their requests by every transport, with 403. HeadersOnly leaves it to browsers, which keep such pages from polling, but not
	// from WebSocket and WebTransport.
	// +optional
	// +kubebuilder:default=RefuseUnlisted
	Policy CORSPolicy `json:"policy,omitempty"`

	// credentials lets such pages send cookies.
	// +optional
	Credentials bool `json:"credentials,omitempty"`

	// allowedHeaders are the request headers that pages may send; left out, whatever they ask for.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`
	AllowedHeaders []string `json:"allowedHeaders,omitempty"`

	// exposedHeaders are the headers of answers that pages may read.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9!#$%&'*+.^_|~-]+$`
	ExposedHeaders []string `json:"exposedHeaders,omitempty"`

	// maxAgeSeconds is how long a browser may remember the answer to a preflight, in seconds.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=86400
	MaxAgeSeconds int32 `json:"maxAgeSeconds,omitempty"`
}

// CORSPolicy is what becomes of pages whose origin is not listed.
//
// +kubebuilder:validation:Enum=RefuseUnlisted;HeadersOnly
type CORSPolicy string

const (
	// CORSRefuseUnlisted refuses them by every transport.
	CORSRefuseUnlisted CORSPolicy = "RefuseUnlisted"
	// CORSHeadersOnly lets browsers refuse them, as the reference server does.
	CORSHeadersOnly CORSPolicy = "HeadersOnly"
)

// CookieSpec is a cookie with the session's id on the answer to a handshake by polling. Gateways do not read it; it is for
// load balancers that stick to one. Scripts do not see it (HttpOnly).
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

	// path that browsers send it to.
	// +optional
	// +kubebuilder:default="/"
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^/[A-Za-z0-9._~/-]*$`
	Path string `json:"path,omitempty"`

	// sameSite says whether browsers send it with requests of other sites' pages.
	// +optional
	// +kubebuilder:default=Lax
	// +kubebuilder:validation:Enum=Lax;Strict;None
	SameSite string `json:"sameSite,omitempty"`

	// secure keeps it to TLS.
	// +optional
	Secure bool `json:"secure,omitempty"`

	// maxAgeSeconds is how long it lasts, in seconds; left out, it ends with the browser.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=31536000
	MaxAgeSeconds int32 `json:"maxAgeSeconds,omitempty"`
}

// CompressionSpec says what of the traffic to clients is compressed.
type CompressionSpec struct {
	// polling compresses answers to long-polling, by gzip or deflate, for clients that take it.
	// +kubebuilder:default={enabled: true}
	// +optional
	Polling CompressionRule `json:"polling,omitzero"` //nolint:kubeapilinter // what is required is in the default

	// webSocket compresses websocket messages (permessage-deflate, RFC 7692). It costs CPU time that small messages do not
	// repay, so it is off by default.
	// +kubebuilder:default={enabled: false}
	// +optional
	WebSocket CompressionRule `json:"webSocket,omitzero"` //nolint:kubeapilinter // what is required is in the default
}

// CompressionRule switches compression.
type CompressionRule struct {
	// enabled switches it on or off.
	// +required
	Enabled bool `json:"enabled"` //nolint:kubeapilinter // false is said, too

	// thresholdBytes is the size from which something is compressed, in bytes.
	// +optional
	// +kubebuilder:default=1024
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1048576
	ThresholdBytes int32 `json:"thresholdBytes,omitempty"`
}

// HeaderValue is the value of an HTTP header: no control characters.
//
// +kubebuilder:validation:MaxLength=1024
// +kubebuilder:validation:Pattern=`^[^\x00-\x08\x0A-\x1F\x7F]*$`
type HeaderValue string

// AdmissionRule refuses handshakes, before a client is connected.
type AdmissionRule struct {
	// expression is a CEL condition that must be true. It sees `request` (method, host, path, query, headers, address,
	// secure) and `now`. One that fails refuses.
	// +required
	Expression Expression `json:"expression,omitempty"`

	// message is what the client is told, with status 403.
	// +optional
	// +kubebuilder:default=Forbidden
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`
}
