// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway"
	"github.com/realtime-operator/realtime-operator/gateway/internal/localnats"
	"github.com/realtime-operator/realtime-operator/gateway/service"
)

// readyWithin is how long gateways may take to reach NATS, by the clock of the bubble.
const readyWithin = time.Minute

// Options say what runs.
type Options struct {
	Service  *v1alpha1.RealtimeService
	Gateways int
	// Issuer signs and verifies tokens.
	Issuer *Issuer
	// StoreDir is an empty folder, for a service with spec.recovery.
	StoreDir string
	// Compiled is that of gateway.Options.
	Compiled func(*v1alpha1.RealtimeService, *service.Program)
	// Log receives what the gateways log.
	Log *slog.Logger
}

// Lab is a running service. It is used in a bubble, by one goroutine. Close ends it.
type Lab struct {
	options  Options
	nats     *server.Server
	gateways []*station
	clients  []*Client
	// leaving are gateways that were killed and still end.
	leaving sync.WaitGroup
	// applied numbers configurations.
	applied int
	started time.Time
}

// station is a gateway with its surroundings.
type station struct {
	*gateway.Gateway
	door *door
	nats *wayToNATS
	// clients are the connections of its clients, as the gateway sees them.
	clients network
	stop    context.CancelFunc
	served  chan struct{}
	killed  bool
}

// apiToken is the token of programs that publish.
const apiToken = "0123456789abcdef0123456789abcdef"

// Start starts a service, and waits until its gateways are ready.
func Start(o Options) (*Lab, error) {
	l := &Lab{options: o, started: time.Now()}
	storeDir := o.StoreDir
	if o.Service.Spec.Recovery == nil {
		storeDir = ""
	}
	var err error
	if l.nats, err = localnats.Start(localnats.Options{Name: "realtime-test", StoreDir: storeDir}); err != nil {
		return nil, err
	}
	for i := range o.Gateways {
		if err := l.startGateway(i); err != nil {
			l.Close()
			return nil, fmt.Errorf("start gateway %d: %w", i+1, err)
		}
	}
	if err := l.awaitReady(); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) startGateway(i int) error {
	s := &station{door: newDoor(), nats: &wayToNATS{server: l.nats}, served: make(chan struct{})}
	var err error
	s.Gateway, err = gateway.New(l.options.Service, l.revision(), gateway.Options{
		Name:          fmt.Sprintf("test-%d", i+1),
		NATSURLs:      []string{natsURL},
		NATSDialer:    s.nats,
		Authenticator: l.options.Issuer.Authenticator,
		Compiled:      l.options.Compiled,
		Log:           l.options.Log,
	})
	if err != nil {
		return err
	}
	s.SetAPITokens([]byte(apiToken))
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		defer close(s.served)
		_ = gateway.Serve(ctx, s.door, s.Handler()) // it ends when it is stopped
	}()
	l.gateways = append(l.gateways, s)
	return nil
}

func (l *Lab) revision() string { return fmt.Sprintf("test-%d", l.applied) }

func (l *Lab) awaitReady() error {
	deadline := time.Now().Add(readyWithin)
	for _, s := range l.gateways {
		for {
			Settle()
			status, body := ask(s.Ops(), http.MethodGet, "/readyz", nil)
			if status == http.StatusOK {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("a gateway is not ready: %s", body)
			}
			Advance(10 * time.Millisecond)
		}
	}
	return nil
}

// ask sends a request to a handler of this process.
func ask(h http.Handler, method, path string, body []byte) (status int, answer string) {
	r, err := http.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	r.Header.Set("Authorization", "Bearer "+apiToken)
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	h.ServeHTTP(w, r)
	return w.status, strings.TrimSpace(w.body.String())
}

// recorder keeps an answer. The one of net/http/httptest would bring the flags of tests.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

var errNoGateway = errors.New("there is no such gateway, or it was killed")

// at returns a gateway that runs, from 1; 0 is the first that runs.
func (l *Lab) at(number int) (*station, error) {
	for i, s := range l.gateways {
		if !s.killed && (number == i+1 || number == 0) {
			return s, nil
		}
	}
	return nil, errNoGateway
}

// Runtime returns what runs the service at a gateway.
func (l *Lab) Runtime(number int) (*service.Runtime, error) {
	s, err := l.at(number)
	if err != nil {
		return nil, err
	}
	return s.Runtime(), nil
}

// Publish sends a document to a gateway, as a program does over HTTP.
func (l *Lab) Publish(number int, namespace string, document []byte) (status int, answer string, err error) {
	s, err := l.at(number)
	if err != nil {
		return 0, "", err
	}
	status, answer = ask(s.API(), http.MethodPost, "/v1/namespaces/"+url.PathEscape(namespace)+"/emit", document)
	return status, answer, nil
}

// Apply puts another manifest in force, at all gateways that run.
func (l *Lab) Apply(svc *v1alpha1.RealtimeService) error {
	l.applied++
	for _, s := range l.gateways {
		if s.killed {
			continue
		}
		if err := s.Apply(svc, l.revision()); err != nil {
			return err
		}
	}
	return nil
}

// Kill ends a gateway as the loss of its node does: nobody is told anything.
func (l *Lab) Kill(number int) error {
	s, err := l.at(number)
	if err != nil {
		return err
	}
	s.killed = true
	s.nats.cut()
	s.clients.end()
	l.leaving.Go(s.end)
	return nil
}

// Cut cuts a gateway off from NATS: nothing arrives, and nothing says so.
func (l *Lab) Cut(number int) error { return l.network(number, (*wayToNATS).cut) }

// Heal undoes Cut.
func (l *Lab) Heal(number int) error { return l.network(number, (*wayToNATS).heal) }

func (w *wayToNATS) cut()  { w.network.cut() }
func (w *wayToNATS) heal() { w.restore() }

func (l *Lab) network(number int, do func(*wayToNATS)) error {
	s, err := l.at(number)
	if err != nil {
		return err
	}
	do(s.nats)
	return nil
}

// end stops a gateway and all that it has started.
func (s *station) end() {
	_ = s.Close() // what it cannot send any more is lost, as it should be
	s.clients.end()
	s.door.Close()
	s.stop()
	<-s.served
	s.nats.end()
}

// Close ends everything, and waits until it has.
func (l *Lab) Close() {
	for _, c := range l.clients {
		c.Close()
	}
	Settle()
	for _, s := range l.gateways {
		if !s.killed {
			s.end()
		}
	}
	l.leaving.Wait()
	l.nats.Shutdown()
	l.nats.WaitForShutdown()
	for _, c := range l.clients {
		<-c.ended
	}
}
