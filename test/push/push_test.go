// SPDX-License-Identifier: Apache-2.0

// Package push tests what the operator and a gateway make of each other: neither knows the other's
// code, and here both are real.
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	corev1 "k8s.io/api/core/v1"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
	"github.com/realtime-operator/realtime-operator/controllers/resources"
	"github.com/realtime-operator/realtime-operator/gateway"
)

// chat is a service that answers with a greeting.
func chat(t *testing.T, greeting string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: chat, namespace: default}
spec: {namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello, args: "['%s']"}}]}]}]}`, greeting))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// rendered is what the operator makes of a service.
func rendered(t *testing.T, svc *v1alpha1.RealtimeService, sequence int64) []byte {
	t.Helper()
	config, err := resources.ConfigMap(svc, sequence)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(config.Data[resources.ConfigKey])
}

// mount writes the keys of a Secret as files: those that a gateway gets.
func mount(t *testing.T, data map[string][]byte, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), data[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// said is what a gateway logs. Safe for concurrent use.
type said struct {
	mu    sync.Mutex
	text  bytes.Buffer
	peers chan struct{} // closed when the gateway listens for its peers
}

func (s *said) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Contains(line, []byte("listening for its peers")) {
		close(s.peers)
	}
	return s.text.Write(line)
}

// pod runs a gateway as the operator has it run in a pod: the operator's port at an address of this
// machine that nobody else has.
func pod(t *testing.T, peers map[string][]byte, config []byte, edit func(*gateway.RunOptions)) *corev1.Pod {
	t.Helper()
	address := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 2+rand.IntN(250))
	file := filepath.Join(t.TempDir(), resources.ConfigKey)
	if err := os.WriteFile(file, config, 0o600); err != nil {
		t.Fatal(err)
	}
	log := &said{peers: make(chan struct{})}
	o := gateway.RunOptions{
		Options:    gateway.Options{Name: t.Name(), Log: slog.New(slog.NewTextHandler(io.MultiWriter(log, t.Output()), nil))},
		ConfigFile: file, Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0",
		PeerDir:     mount(t, peers, gatewaypeers.Authorities, gatewaypeers.Certificate, gatewaypeers.Key, gatewaypeers.SessionKeys),
		PeerAddress: address, PeerListen: fmt.Sprintf("%s:%d", address, resources.PeerPort),
	}
	edit(&o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gateway.Run(ctx, o) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-log.peers:
	case err := <-ended:
		ended <- nil
		t.Fatalf("the gateway ended with %v", err)
	}
	return &corev1.Pod{Status: corev1.PodStatus{PodIP: address}}
}

func startNATS(t *testing.T, o *natsserver.Options) *natsserver.Server {
	t.Helper()
	o.Host, o.NoLog, o.NoSigs = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = natsserver.RANDOM_PORT
	}
	server, err := natsserver.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	if !server.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return server
}

func secretOf(t *testing.T) map[string][]byte {
	t.Helper()
	data, err := certificates.RenewPeers(nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func push(t *testing.T, to *corev1.Pod, peers map[string][]byte, what controllers.Pushed) gatewaystatus.Status {
	t.Helper()
	identity, err := certificates.OperatorTLS(peers)
	if err != nil {
		t.Fatal(err)
	}
	status, err := controllers.PushOverTLS(t.Context(), to, identity, what)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func TestAPushedConfigurationIsInForce(t *testing.T) {
	nats := startNATS(t, &natsserver.Options{})
	peers := secretOf(t)
	g := pod(t, peers, rendered(t, chat(t, "one"), 1), func(o *gateway.RunOptions) { o.NATSURLs = []string{nats.ClientURL()} })
	configuration := func(sequence int64, greeting string) controllers.Pushed {
		return controllers.Pushed{Path: gatewayconfig.Path, ContentType: "application/yaml", Body: rendered(t, chat(t, greeting), sequence)}
	}

	two := configuration(2, "two")
	begun := time.Now()
	if status := push(t, g, peers, two); status.ConfigHash != gatewaystatus.Revision(two.Body) || status.ConfigError != "" {
		t.Errorf("the status is %+v", status)
	}
	t.Logf("a push takes %v", time.Since(begun).Round(time.Microsecond))
	if status := push(t, g, peers, configuration(1, "late")); status.ConfigHash != gatewaystatus.Revision(two.Body) {
		t.Errorf("an older one is in force: %+v", status)
	}
	bad := configuration(3, "bad")
	bad.Body = bytes.ReplaceAll(bad.Body, []byte("''bad''"), []byte("nobody"))
	if status := push(t, g, peers, bad); status.ConfigHash != gatewaystatus.Revision(two.Body) || !strings.Contains(status.ConfigError, "nobody") {
		t.Errorf("a bad one gets the status %+v", status)
	}
}

// A gateway has a certificate and its key, and could call its neighbors with them.
func TestAGatewayCannotConfigureItsPeers(t *testing.T) {
	nats := startNATS(t, &natsserver.Options{})
	peers := secretOf(t)
	one := rendered(t, chat(t, "one"), 1)
	g := pod(t, peers, one, func(o *gateway.RunOptions) { o.NATSURLs = []string{nats.ClientURL()} })
	posing := maps.Clone(peers)
	posing["operator.crt"], posing["operator.key"] = peers[gatewaypeers.Certificate], peers[gatewaypeers.Key]
	identity, err := certificates.OperatorTLS(posing)
	if err != nil {
		t.Fatal(err)
	}
	two := controllers.Pushed{Path: gatewayconfig.Path, ContentType: "application/yaml", Body: rendered(t, chat(t, "two"), 2)}
	if status, err := controllers.PushOverTLS(t.Context(), g, identity, two); err == nil {
		t.Errorf("it is answered %+v", status)
	}
	if status := push(t, g, peers, controllers.Pushed{Path: gatewayconfig.Path, Body: one}); status.ConfigHash != gatewaystatus.Revision(one) {
		t.Errorf("in force is %s", status.ConfigHash)
	}
}

func TestPushedCredentialsConnectAGateway(t *testing.T) {
	credentials, err := resources.NewCredentials(strings.NewReader(strings.Repeat("x", 100)))
	if err != nil {
		t.Fatal(err)
	}
	nats := startNATS(t, &natsserver.Options{Username: credentials.Username, Password: credentials.Password})
	stale := mount(t, map[string][]byte{"username": []byte("gateway"), "password": []byte("old")}, "username", "password")
	peers := secretOf(t)
	g := pod(t, peers, rendered(t, chat(t, "one"), 1), func(o *gateway.RunOptions) {
		o.NATSURLs, o.NATSCredentialsDir = []string{nats.ClientURL()}, stale
	})
	body, err := json.Marshal(gatewayconfig.Credentials(credentials))
	if err != nil {
		t.Fatal(err)
	}
	what := controllers.Pushed{Path: gatewayconfig.CredentialsPath, ContentType: "application/json", Body: body}
	pace := time.NewTicker(50 * time.Millisecond)
	defer pace.Stop()
	for deadline := time.Now().Add(20 * time.Second); ; <-pace.C {
		status := push(t, g, peers, what)
		if status.NATS == "connected" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("NATS is %s: %s", status.NATS, status.NATSError)
		}
	}
}
