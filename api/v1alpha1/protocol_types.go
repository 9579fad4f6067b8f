// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// ProtocolSpec holds the settings of Engine.IO and Socket.IO. The defaults are those of the
// reference server unless a field says otherwise. Durations are written as in Go: 25s, 300ms,
// 1m30s.
type ProtocolSpec struct {
	// path that clients connect to. The client's `path` option must be the same.
	// +optional
	// +kubebuilder:default="/socket.io/"
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:Pattern=`^/([A-Za-z0-9._~-]+/)+$`
	Path string `json:"path,omitempty"`

	// pingInterval is the time between two heartbeats.
	// +optional
	// +kubebuilder:default="25s"
	PingInterval Duration `json:"pingInterval,omitzero"`

	// pingTimeout is how long a client may take to answer a heartbeat.
	// +optional
	// +kubebuilder:default="20s"
	PingTimeout Duration `json:"pingTimeout,omitzero"`

	// upgradeTimeout is how long the upgrade of a polling session to another transport may take.
	// +optional
	// +kubebuilder:default="10s"
	UpgradeTimeout Duration `json:"upgradeTimeout,omitzero"`

	// connectTimeout is how long a connection may be in no namespace before it is closed: at first,
	// and after it has left its last one. If absent, it is 10s if all namespaces ask who a client
	// is, and 45s otherwise.
	// +optional
	ConnectTimeout Duration `json:"connectTimeout,omitzero"`

	// maxPayload is the size of the largest message or polling request that a client may send, in
	// bytes.
	// +optional
	// +kubebuilder:default="1M"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1k')) && !quantity(string(self)).isGreaterThan(quantity('64Mi'))",message="must be from 1k to 64Mi"
	MaxPayload resource.Quantity `json:"maxPayload,omitempty"`

	// transports that clients may use over TCP. webTransport, which has a port of its own, is
	// enabled separately.
	// +optional
	// +listType=set
	// +kubebuilder:default={polling,websocket}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=2
	Transports []Transport `json:"transports,omitempty"`

	// webTransport allows browsers to connect over HTTP/3, which needs a UDP port and a
	// certificate. If absent, it is off.
	// +optional
	WebTransport *WebTransportSpec `json:"webTransport,omitempty"`

	// allowEIO3 allows clients of Socket.IO 2.x, which speak revision 3 of Engine.IO, to connect.
	// +optional
	AllowEIO3 bool `json:"allowEIO3,omitempty"`

	// parser is the encoding of packets. The client's `parser` option must be the same: json is
	// what stock clients use, msgpack is socket.io-msgpack-parser.
	// +optional
	// +kubebuilder:default=json
	// +kubebuilder:validation:Enum=json;msgpack
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="cannot be changed: clients of the one parser do not understand the other; make another service"
	Parser string `json:"parser,omitempty"`

	// cors allows pages of other origins to connect. If absent, browsers keep such pages from
	// polling, but not from WebSocket and WebTransport.
	// +optional
	CORS *CORSSpec `json:"cors,omitempty"`

	// cookie gives clients that start by polling a cookie with the session id. If absent, no cookie
	// is set.
	// +optional
	Cookie *CookieSpec `json:"cookie,omitempty"`

	// headers are added to all answers to clients except refusals.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	Headers map[string]HeaderValue `json:"headers,omitempty"`

	// initialHeaders are added to the answers to handshakes.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	InitialHeaders map[string]HeaderValue `json:"initialHeaders,omitempty"`

	// compression of what is sent to clients.
	// +optional
	// +kubebuilder:default={}
	Compression CompressionSpec `json:"compression,omitzero"`

	// handshakes limits how fast each gateway accepts new clients.
	// +optional
	// +kubebuilder:default={}
	Handshakes HandshakesSpec `json:"handshakes,omitzero"`

	// slowConsumers controls what happens to clients that do not read what they are sent.
	// +optional
	// +kubebuilder:default={}
	SlowConsumers SlowConsumersSpec `json:"slowConsumers,omitzero"`

	// trustedProxies are the addresses of the proxies in front of the gateways, as ranges such as
	// 10.0.0.0/8. From them alone a gateway believes X-Forwarded-For: the client is the last
	// address in it that is none of theirs. If absent, the client is who opens the connection.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=43
	TrustedProxies []string `json:"trustedProxies,omitempty"`

	// proxyProtocol has trustedProxies begin each TCP connection with a header of the PROXY
	// protocol, version 1 or 2, that names the client. One that does not is refused.
	// +optional
	ProxyProtocol bool `json:"proxyProtocol,omitempty"`

	// admission lists the conditions on a handshake. All must be true.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Admission []AdmissionRule `json:"admission,omitempty"`
}

// Duration is a time span as Go writes it.
//
// +kubebuilder:validation:Type=string
// +kubebuilder:validation:MaxLength=32
// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('100ms') && duration(self) <= duration('1h')",message="must be from 100ms to 1h"
type Duration struct {
	time.Duration `json:"-"`
}

// MarshalJSON encodes the time span like Go: "25s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON decodes a time span like [time.ParseDuration].
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	if err == nil {
		d.Duration, err = time.ParseDuration(text)
	}
	if err != nil {
		return fmt.Errorf("read a duration: %w", err)
	}
	return nil
}

// Transport is a way for a client to connect.
//
// +kubebuilder:validation:Enum=polling;websocket
type Transport string

// The transports of Engine.IO.
const (
	TransportPolling   Transport = "polling"
	TransportWebSocket Transport = "websocket"
)
