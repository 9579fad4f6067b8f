// SPDX-License-Identifier: Apache-2.0

// Package dev runs a whole service on a laptop: gateways and a NATS server in one process, without
// a cluster. A manifest has the same effect as on Kubernetes.
package dev

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/config/samples"
	"github.com/realtime-operator/realtime-operator/gateway"
	"github.com/realtime-operator/realtime-operator/gateway/configfile"
	"github.com/realtime-operator/realtime-operator/gateway/dev/page"
	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/localnats"
)

// drainTimeout is how long clients may take to fetch what was sent to them when the program ends.
const drainTimeout = time.Second

// Options are the options of `realtime dev`.
type Options struct {
	// Manifest is a file with a RealtimeService; empty for the chat sample.
	Manifest string
	// Host is the host to listen on; loopback by default.
	Host string
	// Port is the port of the first gateway; the others use the next ones. With 0 the kernel
	// chooses each.
	Port int
	// Gateways is the number of gateways.
	Gateways int
	// ClientDir has the client bundles of npm's socket.io-client; see gateway.Options.
	ClientDir string
	// Secrets is a folder with a folder for each Secret that the manifest's authentication names,
	// as if mounted: a file for each key; ConfigMaps are in its folder _configmaps. They are read
	// again whenever they change.
	Secrets string
	// APIPort is the port for programs that publish, at the first gateway, if the manifest has
	// spec.api. With 0 the kernel chooses it.
	APIPort int
	// APIToken is the token for it; a new one if empty.
	APIToken string
	// Out receives the messages for people.
	Out io.Writer
	// Log receives internal errors.
	Log *slog.Logger
}

// Run serves until the context ends.
func Run(ctx context.Context, o Options) error {
	data, err := readManifest(o.Manifest)
	if err != nil {
		return err
	}
	svc, err := manifest.Load(ctx, data)
	if err != nil {
		return fmt.Errorf("%s is refused:\n%s", nameOf(o.Manifest), indent(err))
	}
	storeDir := ""
	if svc.Spec.Recovery != nil {
		if storeDir, err = os.MkdirTemp("", "realtime-dev-"); err != nil {
			return fmt.Errorf("make a folder for what NATS stores: %w", err)
		}
		defer func() { _ = os.RemoveAll(storeDir) }() // otherwise the system cleans up
	}
	nats, err := localnats.Start(localnats.Options{Name: "realtime-dev", Listen: true, StoreDir: storeDir})
	if err != nil {
		return err
	}
	defer nats.WaitForShutdown()
	defer nats.Shutdown()

	s := &session{options: o}
	err = s.start(svc, gatewaystatus.Revision(data), nats.ClientURL())
	if err == nil {
		s.greet(svc, nats.ClientURL())
		err = s.serve(ctx, data)
	}
	return errors.Join(err, s.close())
}

func readManifest(name string) ([]byte, error) {
	if name == "" {
		return samples.Chat, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	return data, nil
}

// session is one run: its gateways and their listeners.
type session struct {
	options   Options
	identity  *forward.Identity // authenticates the gateways to each other
	gateways  []*gateway.Gateway
	listeners []net.Listener
	doors     []net.Listener // for the other gateways
	// sockets are the UDP sockets for WebTransport of each gateway, with this certificate; none if
	// the manifest did not ask for WebTransport at the start.
	sockets     [][]net.PacketConn
	certificate *tls.Certificate
	// api is the listener for programs that publish; nil without spec.api.
	api net.Listener
}

func (s *session) start(svc *v1alpha1.RealtimeService, revision, natsURL string) error {
	o := s.options
	var err error
	if s.identity, err = forward.NewIdentity(); err != nil {
		return err
	}
	if svc.Spec.Protocol.WebTransport != nil {
		if s.certificate, err = newCertificate(o.Host, time.Now()); err != nil {
			return err
		}
	}
	for i := range o.Gateways {
		port := o.Port
		if port != 0 {
			port += i
		}
		l, sockets, err := listen(o.Host, port, s.certificate != nil)
		if err != nil {
			return fmt.Errorf("listen for gateway %d: %w", i+1, err)
		}
		s.listeners = append(s.listeners, l)
		s.sockets = append(s.sockets, sockets)
		door, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("listen for the peers of gateway %d: %w", i+1, err)
		}
		s.doors = append(s.doors, door)
		g, err := gateway.New(svc, revision, gateway.Options{
			Name:         fmt.Sprintf("dev-%d", i+1),
			NATSURLs:     []string{natsURL},
			Peers:        &gateway.PeerOptions{Address: door.Addr().String(), Identity: s.identity},
			ClientDir:    o.ClientDir,
			WebTransport: len(sockets) > 0,
			Log:          o.Log,

			AuthenticationDir: o.Secrets,
			LocalServices:     true,
			TracingFromEnv:    true,
		})
		if err != nil {
			return err
		}
		s.gateways = append(s.gateways, g)
	}
	return s.openAPI(svc)
}

func (s *session) greet(svc *v1alpha1.RealtimeService, natsURL string) {
	s.say("%s from %s, with the namespaces %s:", svc.Name, nameOf(s.options.Manifest), strings.Join(namespaces(svc), " "))
	for i, l := range s.listeners {
		s.say("  gateway %d  %s", i+1, browserURL(l.Addr()))
	}
	if s.certificate != nil {
		s.say("WebTransport is on the same ports, by UDP. The certificate is new with each start; a page takes it by its hash:")
		s.say("  transportOptions: {webtransport: {serverCertificateHashes: [{algorithm: \"sha-256\", value: Uint8Array.fromBase64(\"%s\")}]}}", hashOf(s.certificate))
	}
	for _, name := range unused(svc) {
		s.say("No namespace has the entry %s of spec.authentication in its list, so nobody is asked for its tokens.", name)
	}
	s.greetPrograms(svc, natsURL)
	base := browserURL(s.listeners[0].Addr())
	s.say("Open it in a browser, or connect with any Socket.IO client (npm install socket.io-client):")
	for _, line := range snippet(svc, base) {
		s.say("  %s", line)
	}
	s.say("Handlers that fail are told here, and counted at %smetrics; %sstatus has the configuration in force. Ctrl-C ends.", base, base)
}

func (s *session) serve(ctx context.Context, config []byte) error {
	group, ctx := errgroup.WithContext(ctx)
	// WebTransport's listeners outlive its connections.
	carrying, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	for i, sockets := range s.sockets {
		for _, socket := range sockets {
			group.Go(func() error {
				return s.gateways[i].ServeWebTransport(carrying, socket, &tls.Config{Certificates: []tls.Certificate{*s.certificate}})
			})
		}
	}
	for i, l := range s.listeners {
		group.Go(func() error { return gateway.Serve(ctx, s.gateways[i].ClientListener(l), withPage(s.gateways[i])) })
		group.Go(func() error { return gateway.ServePeers(ctx, s.doors[i], s.gateways[i], s.identity) })
	}
	if s.api != nil {
		group.Go(func() error { return gateway.Serve(ctx, s.api, s.gateways[0].API()) })
	}
	if s.options.Manifest != "" {
		group.Go(func() error {
			return configfile.Watch(ctx, s.options.Manifest, config, func(data []byte) { s.reload(ctx, data) })
		})
	}
	group.Go(func() error {
		defer stop()
		<-ctx.Done()
		// Waiting requests, polls above all, end with their sessions; then the servers can stop.
		s.drain(carrying)
		return s.closeConnections()
	})
	return group.Wait()
}

// opsPaths are the paths that a gateway on Kubernetes serves on a port that clients do not reach.
var opsPaths = []string{"/metrics", "/status", "/healthz", "/readyz"}

// withPage serves the chat page at the root, together with the gateway's ops paths, and clients at
// their path.
func withPage(g *gateway.Gateway) http.Handler {
	clients, ops, chat := g.Handler(), g.Ops(), page.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, g.Path()):
			clients.ServeHTTP(w, r)
		case slices.Contains(opsPaths, r.URL.Path):
			ops.ServeHTTP(w, r)
		default:
			chat.ServeHTTP(w, r)
		}
	})
}

// reload puts an edited manifest in force, or prints its mistakes.
func (s *session) reload(ctx context.Context, data []byte) {
	svc, err := manifest.Load(ctx, data)
	if err != nil {
		s.say("%s is refused, the old one stays in force:\n%s", s.options.Manifest, indent(err))
		return
	}
	for _, g := range s.gateways {
		if err := g.Apply(svc, gatewaystatus.Revision(data)); err != nil {
			s.say("%s is refused, the old one stays in force:\n%s", s.options.Manifest, indent(err))
			return
		}
	}
	s.say("%s is in force.", s.options.Manifest)
	if svc.Spec.Protocol.WebTransport != nil && s.certificate == nil {
		s.say("But for spec.protocol.webTransport: it needs a port, which is opened at the start. Start again.")
	}
}

// drain sends clients away as a gateway does on Kubernetes, but all at once: they will connect to
// the next run.
func (s *session) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	for _, g := range s.gateways {
		// The remaining clients are disconnected after this.
		_ = g.Drain(ctx, engineio.Pace{})
	}
}

func (s *session) closeConnections() error {
	var errs []error
	for _, g := range s.gateways {
		errs = append(errs, g.Close())
	}
	return errors.Join(errs...)
}

func (s *session) close() error {
	for _, l := range slices.Concat(s.listeners, s.doors) {
		l.Close()
	}
	for _, socket := range slices.Concat(s.sockets...) {
		socket.Close()
	}
	if s.api != nil {
		s.api.Close()
	}
	return s.closeConnections()
}

func (s *session) say(format string, args ...any) {
	// If the output is gone, nobody can be told.
	_, _ = fmt.Fprintf(s.options.Out, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func nameOf(file string) string {
	if file == "" {
		return "the chat sample"
	}
	return file
}

// browserURL returns the URL for a browser: with localhost rather than 127.0.0.1 or an unspecified
// address.
func browserURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && (ip.IsLoopback() || ip.IsUnspecified()) {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// indent puts each mistake on a separate line.
func indent(err error) string {
	lines := []string{}
	var many interface{ Errors() []error }
	if errors.As(err, &many) {
		for _, e := range many.Errors() {
			lines = append(lines, "  "+e.Error())
		}
		return strings.Join(lines, "\n")
	}
	return "  " + strings.ReplaceAll(err.Error(), "\n", "\n  ")
}
