// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

const (
	// retryPause is the pause between two attempts to read the bucket, and checkPause the one
	// between two checks that it is still there.
	retryPause = 500 * time.Millisecond
	checkPause = 10 * time.Second
	// storeTimeout bounds a request to JetStream.
	storeTimeout = 5 * time.Second
	// sweepPause is how long a sweep waits for more revocations: each looks at all sockets.
	sweepPause = 200 * time.Millisecond
	// maxMarks bounds the revocations of a service.
	maxMarks = 100_000
)

// Config is how revocations are stored. The zero value is for a service without any.
type Config struct {
	// Keep is how long a revocation lasts.
	Keep time.Duration
	// Replicas is the number of NATS servers that store them.
	Replicas int
	// Entries are the names of the entries of spec.authentication: tokens of others are not
	// revoked.
	Entries []string
}

// equal reports whether two configurations are the same.
func (c Config) equal(other Config) bool {
	return c.Keep == other.Keep && c.Replicas == other.Replicas && slices.Equal(c.Entries, other.Entries)
}

// Options configure a Store. Service, NATS and Log are required.
type Options struct {
	Service string
	NATS    *nats.Conn
	Config  Config
	Log     *slog.Logger
}

// Store has the revocations of a service. Safe for concurrent use. Start begins to read them, and
// Close ends that.
type Store struct {
	options Options
	life    context.Context
	stop    context.CancelFunc
	done    sync.WaitGroup
	// sweep wakes the goroutine that calls Changed.
	sweep chan struct{}

	mu      sync.RWMutex
	config  Config             // guarded by mu, as are all below
	changed context.CancelFunc // ends what follows an earlier Config
	marks   marks
	// loaded is true once the bucket has been read; current while it is followed.
	loaded, current bool
	// created is when the bucket was made that the marks are from.
	created time.Time
}

// New makes a store that knows nothing yet.
func New(o Options) *Store {
	s := &Store{options: o, config: o.Config, marks: marks{}, sweep: make(chan struct{}, 1), changed: func() {}}
	s.life, s.stop = context.WithCancel(context.Background())
	return s
}

// Start follows the bucket of the service, and makes it if it is missing. It returns at once.
// changed is called when more may be revoked than before, in a goroutine of the store; the next
// call comes when it has returned.
func (s *Store) Start(changed func()) {
	s.done.Go(func() { s.run(s.life) })
	s.done.Go(func() { s.sweepAll(s.life, changed) })
}

// Close ends the store.
func (s *Store) Close() {
	s.stop()
	s.done.Wait()
}

// Configure changes the configuration. What was revoked before a service had none of it is in force
// again if it is still stored.
func (s *Store) Configure(c Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.equal(c) {
		return
	}
	s.config, s.loaded = c, s.loaded && c.Keep > 0
	if c.Keep == 0 {
		s.marks = marks{}
	}
	s.changed()
}

// Judge returns a refusal if a token is revoked, or if the store has not read its bucket yet: a
// gateway that has just started cannot know then. One that has lost JetStream later knows what was
// revoked before, and judges by that.
func (s *Store) Judge(id *socketio.Identity) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.config.Keep == 0:
		return nil
	case !s.loaded:
		return identity.NotAvailable("the revoked tokens have not been read", nil)
	case s.marks.revoke(id, time.Now()):
		return identity.Refuse(identity.TokenInvalid, "the token is revoked")
	}
	return nil
}

// Revoked reports whether a connected client's token is revoked.
func (s *Store) Revoked(id *socketio.Identity) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.marks.revoke(id, time.Now())
}

// Current reports whether the store follows its bucket, so that it knows all revocations.
func (s *Store) Current() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.current || s.config.Keep == 0
}

// Len is the number of revocations.
func (s *Store) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.marks)
}

// Error is why nothing was revoked, with the HTTP status for it.
type Error struct {
	Status int
	text   string
}

func (e *Error) Error() string { return e.text }

func refuse(status int, format string, args ...any) error {
	return &Error{status, fmt.Sprintf(format, args...)}
}

// Revoke stores what a program wants to be revoked, and returns when it is stored: other gateways
// learn of it within milliseconds. An error is an *Error.
func (s *Store) Revoke(ctx context.Context, data []byte) error {
	s.mu.RLock()
	config, n := s.config, len(s.marks)
	s.mu.RUnlock()
	if config.Keep == 0 {
		return refuse(http.StatusNotFound, "the service has no spec.revocation")
	}
	r, err := parseRequest(data)
	if err != nil {
		return refuse(http.StatusBadRequest, "%v", err)
	}
	// What is left of an entry that is gone can be lifted.
	if r.Entry != "" && !r.Lift && !slices.Contains(config.Entries, r.Entry) {
		return refuse(http.StatusBadRequest, "the service has no entry %.64q, but %q", r.Entry, config.Entries)
	}
	if n >= maxMarks && !r.Lift {
		return refuse(http.StatusInsufficientStorage, "%d revocations are stored, which is the most: revoke all tokens that were issued before a time", n)
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	f := add(r.value())
	if r.Lift {
		f = lift(r.value())
	}
	bucket, err := s.bucket(ctx, config)
	if err == nil {
		err = change(ctx, bucket, r.key(), f)
	}
	var refused *Error
	if err != nil && !errors.As(err, &refused) {
		return refuse(http.StatusServiceUnavailable, "it is not certain that it is stored: try again: %v", err)
	}
	return err
}

// BucketName is the name of the bucket of a service.
func BucketName(service string) string { return "RTR_" + wire.Token(service) }

func (s *Store) bucket(ctx context.Context, c Config) (jetstream.KeyValue, error) {
	js, err := jetstream.New(s.options.NATS)
	if err != nil {
		return nil, fmt.Errorf("use JetStream: %w", err)
	}
	bucket, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: BucketName(s.options.Service), Description: "revoked tokens of the RealtimeService " + s.options.Service,
		TTL: c.Keep, Replicas: max(1, c.Replicas), Storage: jetstream.FileStorage,
	})
	if err != nil {
		return nil, fmt.Errorf("create or update the bucket %s: %w", BucketName(s.options.Service), err)
	}
	return bucket, nil
}

// run follows the bucket until the context ends.
func (s *Store) run(ctx context.Context) {
	told := ""
	for ctx.Err() == nil {
		config, following, end := s.begin(ctx)
		if config.Keep == 0 {
			<-following.Done()
			end()
			continue
		}
		err := s.follow(following, config)
		wanted := following.Err() == nil // nobody has ended it
		end()
		s.setCurrent(false)
		if err == nil || !wanted {
			told = ""
			continue
		}
		if err.Error() != told {
			told = err.Error()
			s.options.Log.Error("the revoked tokens cannot be read; those that were are still refused", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// begin returns the configuration, and a context that ends when it changes.
func (s *Store) begin(ctx context.Context) (Config, context.Context, context.CancelFunc) {
	following, end := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = end
	return s.config, following, end
}

func (s *Store) setCurrent(current bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = current
}

// follow reads the bucket and then its changes. It returns nil when the connection to NATS was lost
// or is there again: what is in the bucket is read anew then, since changes may have been missed,
// and the bucket lost.
func (s *Store) follow(ctx context.Context, c Config) error {
	changed := s.options.NATS.StatusChanged(nats.CONNECTED, nats.RECONNECTING, nats.DISCONNECTED)
	defer s.options.NATS.RemoveStatusListener(changed)
	asking, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	bucket, err := s.bucket(asking, c)
	if err != nil {
		return err
	}
	created, err := createdAt(asking, bucket)
	if err != nil {
		return err
	}
	watcher, err := bucket.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch the bucket: %w", err)
	}
	defer func() { _ = watcher.Stop() }() // it fails without a connection
	check := time.NewTicker(checkPause)
	defer check.Stop()
	read := marks{} // until the bucket has been read
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
			return nil
		case entry, ok := <-watcher.Updates():
			switch {
			case !ok:
				return errors.New("the watch of the bucket has ended")
			case entry == nil:
				s.replace(ctx, bucket, read, created)
				read = nil
			case read != nil:
				read.apply(entry, c.Keep)
			default:
				s.apply(entry, c.Keep)
			}
		case <-check.C:
			if err := s.check(ctx, bucket, created); err != nil {
				return err
			}
		}
	}
}

func createdAt(ctx context.Context, bucket jetstream.KeyValue) (time.Time, error) {
	status, err := bucket.Status(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for the bucket: %w", err)
	}
	if backed, ok := status.(*jetstream.KeyValueBucketStatus); ok {
		return backed.StreamInfo().Created, nil
	}
	return time.Time{}, nil
}

// check returns an error if the bucket cannot be reached, or is another one than before.
func (s *Store) check(ctx context.Context, bucket jetstream.KeyValue, created time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	now, err := createdAt(ctx, bucket)
	if err == nil && !now.Equal(created) {
		err = errors.New("the bucket was made anew")
	}
	s.forgetOld(time.Now())
	return err
}

// forgetOld removes marks that JetStream has removed, too.
func (s *Store) forgetOld(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.marks, func(_ string, m mark) bool { return !now.Before(m.until) })
}

// apply puts an entry of the bucket among the marks.
func (l marks) apply(entry jetstream.KeyValueEntry, keep time.Duration) {
	if entry.Operation() != jetstream.KeyValuePut {
		delete(l, entry.Key())
		return
	}
	if m, ok := readMark(entry.Value(), entry.Created(), keep); ok {
		l[entry.Key()] = m
	}
}

func (s *Store) apply(entry jetstream.KeyValueEntry, keep time.Duration) {
	s.mu.Lock()
	s.marks.apply(entry, keep)
	s.mu.Unlock()
	s.wake()
}

// replace has the marks of a bucket in force. A bucket that was lost, with the disk of NATS, is
// filled again with what this gateway knows.
func (s *Store) replace(ctx context.Context, bucket jetstream.KeyValue, read marks, created time.Time) {
	s.mu.Lock()
	lost := marks{}
	if s.loaded && !s.created.Equal(created) {
		lost = read.addLost(s.marks, time.Now())
	}
	s.marks, s.created, s.loaded, s.current = read, created, true, true
	s.mu.Unlock()
	s.wake()
	for key, m := range lost {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		err := change(ctx, bucket, key, add(m.value))
		cancel()
		if err != nil {
			s.options.Log.Error("a revocation that NATS has lost cannot be stored again", "error", err)
		}
	}
}

// addLost adds what was known of an earlier bucket, and returns what the marks had not.
func (l marks) addLost(known marks, now time.Time) marks {
	lost := marks{}
	for key, m := range known {
		if !now.Before(m.until) {
			continue
		}
		if have, ok := l[key]; ok {
			both := have.value.and(m.value)
			if both == have.value {
				continue
			}
			until := m.until
			if have.until.After(until) {
				until = have.until
			}
			m = newMark(both, until)
		}
		lost[key], l[key] = m, m
	}
	return lost
}

func (s *Store) wake() {
	select {
	case s.sweep <- struct{}{}:
	default:
	}
}

func (s *Store) sweepAll(ctx context.Context, changed func()) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.sweep:
		}
		changed()
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepPause):
		}
	}
}
