// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

const (
	// maxAnswer is the size of an answer, in bytes.
	maxAnswer = 64 << 10
	// maxMessage is the size of a refusal's message, in bytes.
	maxMessage = 1 << 10
	// maxDepth is how deep an auth payload may be nested that is passed on. Programs fail beyond a
	// bound of their own, many at 64 or 100 levels.
	maxDepth = 32
	// defaultNegativeTTL is how long a refusal is kept if the program does not say.
	defaultNegativeTTL = 5 * time.Second
)

// question is what the program is asked.
type question struct {
	Service   string          `json:"service"`
	Namespace string          `json:"namespace"`
	Handshake handshake       `json:"handshake"`
	Auth      json.RawMessage `json:"auth,omitempty"`
	Token     string          `json:"token,omitempty"`
}

type handshake struct {
	Address string              `json:"address"`
	Headers map[string][]string `json:"headers,omitempty"`
	Query   map[string][]string `json:"query,omitempty"`
}

// encode is a question of a client. Equal questions are equal bytes.
func encode(r *identity.Request, token string, c *Config) ([]byte, error) {
	q := question{
		Service: r.Service, Namespace: r.Namespace, Token: token,
		Handshake: handshake{Address: r.Address, Headers: map[string][]string{}, Query: map[string][]string{}},
	}
	for _, name := range c.Headers {
		if values := r.Header[http.CanonicalHeaderKey(name)]; len(values) > 0 {
			q.Handshake.Headers[strings.ToLower(name)] = values
		}
	}
	for _, name := range c.Query {
		if values := r.Query[name]; len(values) > 0 {
			q.Handshake.Query[name] = values
		}
	}
	if len(r.Auth) > 0 && jsonscan.Check(r.Auth) == nil {
		q.Auth = r.Auth
	}
	body, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("encode a question: %w", err)
	}
	return body, nil
}

// tooDeep reports whether an auth payload is nested more than maxDepth levels deep. One that is no
// JSON is not passed on.
func tooDeep(auth []byte) bool {
	if err := jsonscan.Check(auth); err != nil {
		return errors.Is(err, jsonscan.ErrTooDeep)
	}
	return jsonscan.Depth(auth) > maxDepth
}

// answer is what the program says.
type answer struct {
	User         *string        `json:"user"`
	Claims       jsontext.Value `json:"claims"`
	Expires      *float64       `json:"expires"`
	TTL          *float64       `json:"ttl"`
	Refuse       *refusal       `json:"refuse"`
	Unrecognized bool           `json:"unrecognized"`
}

type refusal struct {
	Message string `json:"message"`
	Code    string `json:"code"`
}

// verdict is an answer that was understood: a statement, or a refusal.
type verdict struct {
	statement *identity.Statement
	refusal   *identity.Error
	// ttl is how long the verdict may be kept.
	ttl time.Duration
}

// lastSecond is the end of the year 9999.
const lastSecond = 253402300799

// decode reads an answer. Errors have nothing of it in them.
func decode(body []byte) (*verdict, error) {
	var a answer
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	if jsontext.Value(body).Kind() != '{' || a.read(body) != nil {
		return nil, errors.New("the answer is no JSON object with members of the right types")
	}
	v := &verdict{}
	if a.TTL != nil {
		v.ttl = seconds(*a.TTL)
	} else if a.User == nil {
		v.ttl = defaultNegativeTTL
	}
	switch {
	case a.User != nil && a.Refuse == nil && !a.Unrecognized:
		var err error
		v.statement, err = a.statement()
		return v, err
	case a.Refuse != nil && a.User == nil && !a.Unrecognized:
		v.refusal = a.Refuse.error()
		return v, nil
	case a.Unrecognized && a.User == nil && a.Refuse == nil:
		v.refusal = identity.NotRecognized("the webhook does not recognize the client")
		return v, nil
	}
	return nil, errors.New(`the answer has not one of "user", "refuse" and "unrecognized"`)
}

// read reads an answer. Text that is not UTF-8, such as half of a character that was cut, is
// replaced, unless the answer accepts a client: two users must not become one.
func (a *answer) read(body []byte) error {
	err := jsonv2.Unmarshal(body, a)
	if err == nil {
		return nil
	}
	*a = answer{}
	if lenient := jsonv2.Unmarshal(body, a, jsontext.AllowInvalidUTF8(true)); lenient != nil || a.User != nil {
		return err
	}
	return nil
}

func (a *answer) statement() (*identity.Statement, error) {
	s := &identity.Statement{User: *a.User}
	if s.User == "" {
		return nil, errors.New(`the answer's "user" is empty`)
	}
	if a.Claims != nil && a.Claims.Kind() != 'n' {
		if a.Claims.Kind() != '{' {
			return nil, errors.New(`the answer's "claims" are no JSON object`)
		}
		s.Claims = json.RawMessage(a.Claims)
	}
	if a.Expires != nil {
		if *a.Expires < 0 || *a.Expires > lastSecond {
			return nil, errors.New(`the answer's "expires" are no seconds since 1970`)
		}
		whole, fraction := math.Modf(*a.Expires)
		s.Expires = time.Unix(int64(whole), int64(fraction*1e9))
	}
	return s, nil
}

func (r *refusal) error() *identity.Error {
	e := identity.Refuse(identity.Forbidden, "the webhook refuses the client")
	switch code := identity.Code(r.Code); code {
	case identity.TokenInvalid, identity.TokenExpired:
		e.Code = code
	}
	e.Message = r.Message
	for len(e.Message) > maxMessage {
		_, size := utf8.DecodeLastRuneInString(e.Message)
		e.Message = e.Message[:len(e.Message)-size]
	}
	return e
}

// seconds is a duration of at most a day; zero for a number that makes no sense.
func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 86400) * float64(time.Second))
}
