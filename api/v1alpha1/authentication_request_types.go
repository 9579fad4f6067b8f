// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// AuthenticationRequest is how a program is asked who a client is. The question and its answer are
// described in docs/reference/authentication-requests.md.
type AuthenticationRequest struct {
	// from lists where the token may be. The first location that has one counts. Nobody is asked
	// about a client without a token.
	// +optional
	// +listType=atomic
	// +kubebuilder:default={"auth.token"}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	From []TokenLocation `json:"from,omitempty"`

	// forward says what else of the client's first request the program is told, next to its address
	// and its auth payload.
	// +optional
	Forward AuthenticationForward `json:"forward,omitzero"`

	// timeout is how long an answer may take, and how long a client waits for its turn before that.
	// At most 10s.
	// +optional
	// +kubebuilder:default="2s"
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('10s')",message="must be at most 10s"
	Timeout Duration `json:"timeout,omitzero"`

	// concurrency is how many questions a gateway asks at the same time. More wait for their turn.
	// An address has three quarters of them at most, and addresses that wait take turns.
	// +optional
	// +kubebuilder:default=64
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1024
	Concurrency int32 `json:"concurrency,omitempty"`

	// cache bounds what a gateway keeps of the answers whose `ttl` permits it.
	// +optional
	// +kubebuilder:default={}
	Cache AuthenticationCache `json:"cache,omitzero"`

	// onFailure says what becomes of a client when the program does not answer: it is refused with
	// the code `unavailable` (Deny), or admitted as an anonymous client (Allow), whatever the
	// namespaces say of those. With Allow, a client gets in without a token of its own if it can
	// make the program fail or keep it busy.
	// +optional
	// +kubebuilder:default=Deny
	OnFailure OnFailure `json:"onFailure,omitempty"`
}

// OnFailure is Deny or Allow.
//
// +kubebuilder:validation:Enum=Deny;Allow
type OnFailure string

// What becomes of a client when a program does not answer.
const (
	OnFailureDeny  OnFailure = "Deny"
	OnFailureAllow OnFailure = "Allow"
)

// AuthenticationForward is what a program is told of a client's first request.
type AuthenticationForward struct {
	// headers that are forwarded, in any case.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	// +kubebuilder:validation:items:Pattern=`^[!#$%&'*+.^_|~0-9A-Za-z-]+$`
	Headers []string `json:"headers,omitempty"`

	// query parameters that are forwarded.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=128
	Query []string `json:"query,omitempty"`
}

// AuthenticationCache bounds the answers that a gateway keeps.
type AuthenticationCache struct {
	// maxAge is for how long an answer is kept at most.
	// +optional
	// +kubebuilder:default="5m"
	MaxAge Duration `json:"maxAge,omitzero"`

	// maxEntries is how many answers are kept: of those that admit a client, and as many that
	// refuse one. With 0 none is kept.
	// +optional
	// +kubebuilder:default=10000
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	MaxEntries *int32 `json:"maxEntries,omitempty"`
}

// WebhookAuthentication asks a program over HTTP, by POST. No part of the URL comes from a client,
// and redirects are not followed.
//
// +kubebuilder:validation:XValidation:rule="has(self.url) != has(self.serviceRef)",message="must have either url or serviceRef"
// +kubebuilder:validation:XValidation:rule="has(self.serviceRef) || !has(self.path)",message="path is for a serviceRef: a url has its own"
// +kubebuilder:validation:XValidation:rule="!has(self.ca) || has(self.url) || self.serviceRef.scheme == 'HTTPS'",message="ca is for a url, or a serviceRef with the scheme HTTPS"
type WebhookAuthentication struct {
	// url of the program.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https://[^\s@/?#]+([/?][^\s#]*)?$`
	URL string `json:"url,omitempty"`

	// serviceRef names a Service in front of the program, in the namespace of the RealtimeService.
	// `realtime dev` takes this machine for it.
	// +optional
	ServiceRef *ServiceReference `json:"serviceRef,omitempty"`

	// path of the program, behind the serviceRef. If absent, `/`.
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:Pattern=`^/[^\s#]*$`
	Path string `json:"path,omitempty"`

	// ca has the authorities that the program's certificate must be signed by. If absent, those
	// that the gateway's image trusts.
	// +optional
	CA *CASource `json:"ca,omitempty"`

	// credentialsSecretRef names a Secret whose key `token` the gateway shows to the program, as
	// `Authorization: Bearer`. Without the key nobody is asked.
	// +optional
	CredentialsSecretRef *SecretReference `json:"credentialsSecretRef,omitempty"`

	AuthenticationRequest `json:",inline"`
}

// NATSAuthentication asks a program by a request over the service's NATS.
type NATSAuthentication struct {
	// subject of the requests, without wildcards. A subject that begins with `rts.`, `rtslog.`,
	// `realtime.`, `_` or `$` is refused: these are the gateways' own, or NATS's.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[^\s.*>]+(\.[^\s.*>]+)*$`
	// +kubebuilder:validation:XValidation:rule="!self.matches('^(rts|rtslog|realtime)([.]|$)') && !self.matches('^[_$]')",message="must not begin with rts., rtslog., realtime., _ or $"
	Subject string `json:"subject,omitempty"`

	AuthenticationRequest `json:",inline"`
}

// ServiceReference names a port of a Service in the service's namespace.
type ServiceReference struct {
	// name of the Service.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// port of the Service.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// scheme is HTTP or HTTPS. With HTTP, tokens cross the cluster's network as they are.
	// +optional
	// +kubebuilder:default=HTTP
	// +kubebuilder:validation:Enum=HTTP;HTTPS
	Scheme string `json:"scheme,omitempty"`
}

// CASource is where the certificates of authorities are, as PEM. They are read again when they
// change. While there are none, nobody is trusted.
//
// +kubebuilder:validation:XValidation:rule="has(self.configMapRef) != has(self.secretRef)",message="must have either configMapRef or secretRef"
type CASource struct {
	// configMapRef names a ConfigMap.
	// +optional
	ConfigMapRef *ConfigMapReference `json:"configMapRef,omitempty"`

	// secretRef names a Secret.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// key in it.
	// +optional
	// +kubebuilder:default="ca.crt"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key,omitempty"`
}

// ConfigMapReference names a ConfigMap in the service's namespace.
type ConfigMapReference struct {
	// name of the ConfigMap.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`
}

// AuthenticationConfigMapsDir is the folder, next to the mounted Secrets, in which gateways find
// the ConfigMaps. No Secret can have this name.
const AuthenticationConfigMapsDir = "_configmaps"

// Request is how a program is asked about clients; nil for an entry that asks none.
func (a *Authentication) Request() *AuthenticationRequest {
	switch {
	case a.Webhook != nil:
		return &a.Webhook.AuthenticationRequest
	case a.NATS != nil:
		return &a.NATS.AuthenticationRequest
	}
	return nil
}
