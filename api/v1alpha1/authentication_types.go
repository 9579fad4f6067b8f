// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "slices"

// Authentication says who a client is, by a token that the gateway, or a program that it asks,
// verifies. Namespaces name the entries that they accept.
//
// +kubebuilder:validation:XValidation:rule="[has(self.jwt), has(self.tokens), has(self.webhook), has(self.nats)].filter(x, x).size() == 1",message="must have exactly one of jwt, tokens, webhook and nats"
type Authentication struct {
	// name by which namespaces refer to the entry. Users of two entries are different users.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	// jwt accepts JSON Web Tokens of an issuer.
	// +optional
	JWT *JWTAuthentication `json:"jwt,omitempty"`

	// tokens accepts tokens that a Secret lists, for devices and tests.
	// +optional
	Tokens *TokenAuthentication `json:"tokens,omitempty"`

	// webhook asks a program over HTTP.
	// +optional
	Webhook *WebhookAuthentication `json:"webhook,omitempty"`

	// nats asks a program by a NATS request.
	// +optional
	NATS *NATSAuthentication `json:"nats,omitempty"`

	// allow is a CEL condition about a client whose token is valid: it sees `claims`, `request`,
	// `socket.namespace`, `socket.params` and `now`. A client for which it is not true, or fails,
	// is refused with the code `forbidden`. Without it all are allowed.
	// +optional
	Allow Expression `json:"allow,omitempty"`

	// user is a CEL expression that sees the same, and yields the name of the user, a string that
	// is not empty. A client for which it fails is refused with the code `forbidden`. If absent,
	// the user is the claim `sub` of a JWT, the name with which the Secret lists a token, or the
	// one that the program says.
	// +optional
	User Expression `json:"user,omitempty"`

	// message of the connect_error of a refused client, unless a program says another. Its data is
	// `{code}`: token_missing, token_invalid, token_expired, forbidden or unavailable.
	// +optional
	// +kubebuilder:default="Unauthorized"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Message string `json:"message,omitempty"`

	// onExpiry says what happens when the token of a connected client expires.
	// +optional
	// +kubebuilder:default={}
	OnExpiry *OnExpiry `json:"onExpiry,omitempty"`
}

// OnExpiry says what happens when the token of a connected client expires. The client is told
// before, by the event `token_expires`, and may show a newer token by the event `renew_token`.
type OnExpiry struct {
	// action is Close, to close the client's connection, after which a stock client connects again
	// with the token that it has by then; or Keep, to let the client stay for as long as it likes.
	// +optional
	// +kubebuilder:default=Close
	// +kubebuilder:validation:Enum=Close;Keep
	Action ExpiryAction `json:"action,omitempty"`

	// warn is how long before the expiry the client is told.
	// +optional
	// +kubebuilder:default="30s"
	Warn Duration `json:"warn,omitzero"`

	// grace is how long after the expiry the connection is closed; not before the token is refused
	// elsewhere, which jwt.leeway delays.
	// +optional
	// +kubebuilder:default="10s"
	Grace Duration `json:"grace,omitzero"`
}

// ExpiryAction says what becomes of a client whose token expires.
type ExpiryAction string

const (
	// ExpiryClose closes its connection.
	ExpiryClose ExpiryAction = "Close"
	// ExpiryKeep lets it stay.
	ExpiryKeep ExpiryAction = "Keep"
)

// The events about the token of a connected client.
const (
	// EventTokenExpires tells a client that its token is about to expire.
	EventTokenExpires = "token_expires"
	// EventRenewToken is a client's, who shows a newer token.
	EventRenewToken = "renew_token"
)

// TokenLocation is where a client's token is: auth.NAME in the auth payload of CONNECT (or
// auth.NAME.NAME, in an object of it), header.NAME, cookie.NAME or query.NAME. Of the header
// Authorization, it is what follows Bearer.
//
// +kubebuilder:validation:MaxLength=128
// +kubebuilder:validation:Pattern=`^(auth(\.[^.]+)+|(header|cookie)\.[!#$%&'*+.^_|~0-9A-Za-z-]+|query\..+)$`
type TokenLocation string

// JWTAuthentication accepts JSON Web Tokens (RFC 7519) that one of the keys has signed, and that
// expire (`exp`).
//
// +kubebuilder:validation:XValidation:rule="has(self.jwks) != has(self.hmac)",message="must have either jwks or hmac"
type JWTAuthentication struct {
	// issuer is the `iss` of the tokens.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Issuer string `json:"issuer,omitempty"`

	// audiences are those of which one must be in a token's `aud`.
	// +required
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Audiences []string `json:"audiences,omitempty"`

	// jwks has the public keys of the issuer: a JWK set (RFC 7517).
	// +optional
	JWKS *JWKSSource `json:"jwks,omitempty"`

	// hmac has keys that the issuer and the gateways share.
	// +optional
	HMAC *HMACSource `json:"hmac,omitempty"`

	// from lists where the token may be. The first location that has one counts.
	// +optional
	// +listType=atomic
	// +kubebuilder:default={"auth.token"}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	From []TokenLocation `json:"from,omitempty"`

	// leeway is how far the clocks of the issuer and the gateways may differ. At most 5m.
	// +optional
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('5m')",message="must be at most 5m"
	Leeway Duration `json:"leeway,omitzero"`
}

// JWKSSource is where a JWK set is.
//
// +kubebuilder:validation:XValidation:rule="has(self.url) != has(self.secretRef)",message="must have either url or secretRef"
// +kubebuilder:validation:XValidation:rule="has(self.url) || !has(self.ca)",message="ca is for a url"
type JWKSSource struct {
	// url of the set. Gateways fetch it when they start, every 10 minutes, and for a key that they
	// do not know, at most every 30 seconds. While it cannot be fetched, they keep the keys.
	// +optional
	// +kubebuilder:validation:MaxLength=2048
	// +kubebuilder:validation:Pattern=`^https://[^\s@/?#]+([/?][^\s#]*)?$`
	URL string `json:"url,omitempty"`

	// ca has the authorities that the server's certificate must be signed by. If absent, those that
	// the gateway's image trusts.
	// +optional
	CA *CASource `json:"ca,omitempty"`

	// secretRef names a Secret whose values are JWK sets.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}

// HMACSource is where HMAC keys are.
type HMACSource struct {
	// secretRef names a Secret whose values are keys, each of 32 bytes at least and under the `kid`
	// of its tokens. A token that names none of them is tried with all.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`
}

// TokenAuthentication accepts tokens that a Secret lists.
type TokenAuthentication struct {
	// secretRef names a Secret. Each of its keys is a user, whose value has the tokens, one a line;
	// or a JSON object `{"user", "tokens", "claims", "expires"}`. A token has 16 bytes at least.
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`

	// from lists where the token may be. The first location that has one counts.
	// +optional
	// +listType=atomic
	// +kubebuilder:default={"auth.token"}
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	From []TokenLocation `json:"from,omitempty"`
}

// Locations are where a client's token may be.
func (a *Authentication) Locations() []TokenLocation {
	switch {
	case a.JWT != nil:
		return a.JWT.From
	case a.Tokens != nil:
		return a.Tokens.From
	}
	if asked := a.Request(); asked != nil {
		return asked.From
	}
	return nil
}

// Secret is the name of the Secret that has an entry's keys or tokens; empty for none.
func (a *Authentication) Secret() string {
	switch {
	case a.Tokens != nil:
		return a.Tokens.SecretRef.Name
	case a.Webhook != nil && a.Webhook.CredentialsSecretRef != nil:
		return a.Webhook.CredentialsSecretRef.Name
	case a.JWT == nil:
	case a.JWT.HMAC != nil:
		return a.JWT.HMAC.SecretRef.Name
	case a.JWT.JWKS != nil && a.JWT.JWKS.SecretRef != nil:
		return a.JWT.JWKS.SecretRef.Name
	}
	return ""
}

// CA has the authorities of the server that an entry names; nil if those of the gateway's image
// count.
func (a *Authentication) CA() *CASource {
	switch {
	case a.Webhook != nil:
		return a.Webhook.CA
	case a.JWT != nil && a.JWT.JWKS != nil:
		return a.JWT.JWKS.CA
	}
	return nil
}

// AuthenticationSecrets are the names of the Secrets with keys or tokens of clients, or with what
// servers of entries are trusted by, sorted.
func (s *RealtimeService) AuthenticationSecrets() []string {
	return s.authenticationNames(func(a *Authentication) []string {
		names := []string{a.Secret()}
		if ca := a.CA(); ca != nil && ca.SecretRef != nil {
			names = append(names, ca.SecretRef.Name)
		}
		return names
	})
}

// AuthenticationConfigMaps are the names of the ConfigMaps with authorities, sorted.
func (s *RealtimeService) AuthenticationConfigMaps() []string {
	return s.authenticationNames(func(a *Authentication) []string {
		if ca := a.CA(); ca != nil && ca.ConfigMapRef != nil {
			return []string{ca.ConfigMapRef.Name}
		}
		return nil
	})
}

func (s *RealtimeService) authenticationNames(of func(*Authentication) []string) []string {
	var names []string
	for i := range s.Spec.Authentication {
		names = append(names, of(&s.Spec.Authentication[i])...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
