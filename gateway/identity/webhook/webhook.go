// SPDX-License-Identifier: Apache-2.0

package webhook

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/apart"
	"github.com/realtime-operator/realtime-operator/gateway/internal/patience"
	"github.com/realtime-operator/realtime-operator/gateway/internal/peraddress"
)

// The defaults of a Config.
const (
	DefaultTimeout     = 2 * time.Second
	DefaultConcurrency = 64
	DefaultMaxTTL      = 5 * time.Minute
	DefaultMaxEntries  = 10_000
	DefaultRest        = 5 * time.Second
)

const (
	// negativeTTL is how long a refusal is kept at most: who was refused may come back with more
	// rights.
	negativeTTL = 10 * time.Second
	// tripAfter is how many questions in a row that could not be asked have the webhook rest.
	tripAfter = 5
)

// Config says how a program is asked.
type Config struct {
	// Locations say where a token is. With any, a client without a token is refused, and nobody is
	// asked.
	Locations []identity.Location
	// Headers and Query name what of the handshake is in a question. All else stays here.
	Headers, Query []string
	// Timeout is how long a client waits for an answer, DefaultTimeout if zero; and before that, as
	// long until it is its turn. Contexts should last longer: that one has ended says nothing of
	// the program.
	Timeout time.Duration
	// Concurrency is how many questions are asked at the same time, DefaultConcurrency if zero.
	// More wait. Of these, an address has three quarters at most; see slots.
	Concurrency int
	// MaxTTL is how long an answer is kept at most, DefaultMaxTTL if zero. MaxEntries is how many
	// accepted clients are kept, and as many refusals: DefaultMaxEntries if zero, none if negative.
	MaxTTL     time.Duration
	MaxEntries int
	// Rest is how long nothing is asked after several failures, DefaultRest if zero.
	Rest time.Duration
	// Answered is told how each client was answered, for metrics; may be nil.
	Answered func(Result)
}

// Result is how a client was answered, for metrics.
type Result string

// The results.
const (
	Accepted Result = "accepted"
	Refused  Result = "refused"
	// Cached is for answers that were kept, of either kind.
	Cached Result = "cached"
	// Failed is for clients about whom the program could not be asked, or has answered with
	// something else.
	Failed Result = "failed"
	// Busy is for clients who have waited for too long until they were asked for.
	Busy Result = "busy"
	// Resting is for clients who come while nothing is asked.
	Resting Result = "resting"
	// Left is for clients who did not wait for the answer.
	Left Result = "left"
)

// Webhook is an identity.Authenticator that asks a program. It has no goroutines. Safe for
// concurrent use. Close ends its connections.
type Webhook struct {
	config    Config
	transport transport
	slots     *slots
	breaker   atomic.Pointer[gobreaker.CircuitBreaker[*verdict]]
	// Refusals have a cache of their own, as anybody can have many by making tokens up.
	accepted, refused *cache
	// problem is why the last question had no answer; nil if it had one.
	problem atomic.Pointer[error]
}

// NewHTTP returns a webhook that asks over HTTP.
func NewHTTP(c Config, h HTTP) (*Webhook, error) {
	c = c.withDefaults()
	t, err := h.transport(c.Concurrency)
	if err != nil {
		return nil, err
	}
	return newWebhook(c, t), nil
}

// NewNATS returns a webhook that asks by NATS requests.
func NewNATS(c Config, n NATS) (*Webhook, error) {
	if n.Request == nil || n.Subject == "" {
		return nil, errors.New("ask over NATS: there is no connection or no subject")
	}
	return newWebhook(c.withDefaults(), n), nil
}

func (c Config) withDefaults() Config {
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Concurrency <= 0 {
		c.Concurrency = DefaultConcurrency
	}
	if c.MaxTTL == 0 {
		c.MaxTTL = DefaultMaxTTL
	}
	if c.MaxEntries == 0 {
		c.MaxEntries = DefaultMaxEntries
	}
	if c.Rest <= 0 {
		c.Rest = DefaultRest
	}
	return c
}

var (
	errBusy = errors.New("too many questions are being asked")
	errLeft = errors.New("the client does not wait any more")
)

func newWebhook(c Config, t transport) *Webhook {
	w := &Webhook{
		config: c, transport: t, slots: newSlots(c.Concurrency, patience.New(c.Timeout)),
		accepted: newCache(max(c.MaxEntries, 0)), refused: newCache(max(c.MaxEntries, 0)),
	}
	w.Retry()
	return w
}

// Retry has the program asked again, whatever has failed before: something about the way to it has
// changed.
func (w *Webhook) Retry() {
	w.breaker.Store(gobreaker.NewCircuitBreaker[*verdict](gobreaker.Settings{
		Timeout:     w.config.Rest,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= tripAfter },
		// A program that answers can be asked, whatever it says: five tokens that it cannot cope
		// with must not keep out all others.
		IsSuccessful: func(err error) bool { return !errors.Is(err, errOutOfReach) },
		// Neither says anything about the program.
		IsExcluded: func(err error) bool { return errors.Is(err, errBusy) || errors.Is(err, errLeft) },
	}))
}

// Close ends connections that are idle. Those of questions under way end with these.
func (w *Webhook) Close() { w.transport.close() }

// Closed is the State of a program that is asked.
const Closed = "closed"

// State is Closed while the program is asked, "open" while it is not after failures, and
// "half-open" when the next question decides.
func (w *Webhook) State() string { return w.breaker.Load().State().String() }

// Problem is why the last question had no answer; nil if it had one, or there was none yet.
func (w *Webhook) Problem() error {
	if p := w.problem.Load(); p != nil {
		return *p
	}
	return nil
}

// Trust replaces the authorities that the certificate of a program over HTTP must be signed by, as
// PEM. Without any, nobody is trusted, which is the error.
func (w *Webhook) Trust(ca []byte) error {
	t, ok := w.transport.(*httpTransport)
	if !ok {
		return errors.New("a program over NATS has no certificate")
	}
	changed, err := t.server.Trust(ca)
	if changed {
		w.Retry()
	}
	return err
}

// Authenticate asks about a client, unless an answer to the same question was kept.
func (w *Webhook) Authenticate(ctx context.Context, r *identity.Request) (*identity.Statement, error) {
	sum, err := w.sum(ctx, r)
	if err != nil {
		return nil, err
	}
	if v := w.kept(sum); v != nil {
		w.answered(Cached)
		return v.result()
	}
	if ctx == identity.AtOnce && w.breaker.Load().State() != gobreaker.StateOpen {
		return nil, identity.NotAvailable("the webhook has to be asked", identity.ErrWaits)
	}
	v, err := w.breaker.Load().Execute(func() (*verdict, error) { return w.ask(ctx, r) })
	if err != nil {
		w.failed(err)
		return nil, identity.NotAvailable("the webhook has not answered", err)
	}
	w.problem.Store(nil)
	w.keep(sum, v)
	if v.refusal != nil {
		w.answered(Refused)
	} else {
		w.answered(Accepted)
	}
	return v.result()
}

func (w *Webhook) failed(err error) {
	result := resultOf(err)
	if result == Failed {
		w.problem.Store(&err)
	}
	w.answered(result)
}

// sum is that of the question about a client. Of one that is about to wait it is made apart, and
// the question itself not kept: it is made again when it is the client's turn.
func (w *Webhook) sum(ctx context.Context, r *identity.Request) (sum questionSum, err error) {
	hash := func() {
		var body []byte
		if body, err = w.question(r); err == nil {
			sum = sha256.Sum256(body)
		}
	}
	if ctx == identity.AtOnce {
		hash()
	} else {
		apart.Do(hash)
	}
	return sum, err
}

// question is that about a client.
func (w *Webhook) question(r *identity.Request) ([]byte, error) {
	token := ""
	if len(w.config.Locations) > 0 {
		var err error
		if token, err = identity.Find(w.config.Locations, r); err != nil {
			return nil, err
		}
	}
	if len(r.Auth) > 0 && tooDeep(r.Auth) {
		return nil, identity.Refuse(identity.TokenInvalid, fmt.Sprintf("the auth payload is nested more than %d levels deep", maxDepth))
	}
	body, err := encode(r, token, &w.config)
	if err != nil {
		return nil, identity.NotAvailable("the webhook cannot be asked", err)
	}
	return body, nil
}

// result is the answer for the client. A statement may have expired meanwhile.
func (v *verdict) result() (*identity.Statement, error) {
	switch {
	case v.refusal != nil:
		return nil, v.refusal
	case !v.statement.Expires.IsZero() && !time.Now().Before(v.statement.Expires):
		return nil, identity.Refuse(identity.TokenExpired, "what the webhook states has expired")
	}
	return v.statement, nil
}

func resultOf(err error) Result {
	switch {
	case errors.Is(err, errBusy):
		return Busy
	case errors.Is(err, errLeft):
		return Left
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return Resting
	}
	return Failed
}

func (w *Webhook) answered(r Result) {
	if w.config.Answered != nil {
		w.config.Answered(r)
	}
}

// ask asks one question when there is a slot.
func (w *Webhook) ask(client context.Context, r *identity.Request) (*verdict, error) {
	address := peraddress.KeyOf(r.Address)
	if err := w.slots.take(client, address); err != nil {
		return nil, err
	}
	defer w.slots.release(address)
	return w.askNow(client, r)
}

func (w *Webhook) askNow(client context.Context, r *identity.Request) (*verdict, error) {
	body, err := w.question(r)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(client, w.config.Timeout)
	defer cancel()
	answer, err := w.transport.ask(ctx, body)
	if err != nil {
		if client.Err() != nil {
			return nil, fmt.Errorf("%w: %w", errLeft, err)
		}
		return nil, err
	}
	return decode(answer)
}

func (w *Webhook) kept(sum questionSum) *verdict {
	now := time.Now()
	if v := w.accepted.get(sum, now); v != nil {
		return v
	}
	return w.refused.get(sum, now)
}

// keep keeps an answer for as long as the program permits, within bounds.
func (w *Webhook) keep(sum questionSum, v *verdict) {
	ttl := min(v.ttl, w.config.MaxTTL)
	c := w.accepted
	if v.refusal != nil {
		ttl, c = min(ttl, negativeTTL), w.refused
	}
	if ttl <= 0 {
		return
	}
	c.put(sum, v, time.Now().Add(ttl))
}
