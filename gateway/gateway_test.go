// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const enginePath = "/socket.io/"

// greeter is a service that answers hi with a greeting to everyone, as the operator writes it to a
// file.
func greeter(t *testing.T, greeting string) []byte {
	t.Helper()
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: greeter}
spec: {namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello, args: "['%s', args[0]]"}}]}]}]}`, greeting))
	if err != nil {
		t.Fatal(err)
	}
	return render(t, svc)
}

// render returns a service as the operator writes it to a file.
func render(t *testing.T, svc *v1alpha1.RealtimeService) []byte {
	t.Helper()
	data, err := gatewayconfig.Render(svc, gatewayconfig.Sequence(svc.Annotations))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// withGateway is a service with these settings of its gateways.
func withGateway(t *testing.T, spec string) *v1alpha1.RealtimeService {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte("apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: leaving}\n"+
		"spec: {gateway: "+spec+", namespaces: [{name: /}]}"))
	if err != nil {
		t.Fatal(err)
	}
	return svc
}

// pod is a gateway that runs as in a pod.
type pod struct {
	clients, ops, udp, api string
	peers                  string // empty without a PeerDir
	config                 string
	stop                   context.CancelFunc
	ended                  chan error
}

// start runs a gateway, and wants it to end well with the test. Edit changes what it is started
// with.
func start(t *testing.T, natsURL string, drain time.Duration, edit ...func(*RunOptions)) *pod {
	t.Helper()
	return startWith(t, natsURL, drain, greeter(t, "old"), edit...)
}

// startTwo runs two gateways of a service that stores, and waits until they are ready.
func startTwo(t *testing.T, service string) (a, b *pod) {
	t.Helper()
	url := natstest.StartJetStream(t).ClientURL()
	svc, err := manifest.Load(t.Context(), []byte(service))
	if err != nil {
		t.Fatal(err)
	}
	a, b = startWith(t, url, 0, render(t, svc)), startWith(t, url, 0, render(t, svc))
	await(t, a.ops+"/readyz", ready)
	await(t, b.ops+"/readyz", ready)
	return a, b
}

// startWith is start with a configuration.
func startWith(t *testing.T, natsURL string, drain time.Duration, config []byte, edit ...func(*RunOptions)) *pod {
	t.Helper()
	p := &pod{config: filepath.Join(t.TempDir(), "service.yaml"), ended: make(chan error, 1)}
	if err := os.WriteFile(p.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	logs := &addresses{out: t.Output(), found: make(chan struct{}), peers: make(chan string, 1)}
	ctx, stop := context.WithCancel(t.Context())
	p.stop = stop
	o := RunOptions{
		Options:    Options{Name: t.Name(), NATSURLs: []string{natsURL}, Log: slog.New(slog.NewJSONHandler(logs, nil))},
		ConfigFile: p.config,
		Listen:     "127.0.0.1:0",
		OpsListen:  "127.0.0.1:0",
		Drain:      drain,
		DrainLimit: time.Hour,
	}
	for _, e := range edit {
		e(&o)
	}
	go func() { p.ended <- Run(ctx, o) }()
	t.Cleanup(func() {
		stop()
		if err := <-p.ended; err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
		p.ended <- nil
	})
	select {
	case <-logs.found:
		p.clients, p.ops, p.api = "http://"+logs.clients, "http://"+logs.ops, "http://"+logs.api
		p.udp = logs.udp
		if o.PeerDir != "" {
			p.peers = <-logs.peers
		}
	case err := <-p.ended:
		p.ended <- nil
		t.Fatalf("the gateway ended with %v", err)
	}
	return p
}

// addresses finds in a gateway's log where it listens.
type addresses struct {
	out                    io.Writer
	once                   sync.Once
	found                  chan struct{}
	clients, ops, udp, api string
	peers                  chan string
}

func (a *addresses) Write(line []byte) (int, error) {
	var entry struct{ Msg, Clients, Ops, WebTransport, API, Address string }
	if json.Unmarshal(line, &entry) == nil && strings.Contains(entry.Msg, "listening for its peers") {
		a.peers <- entry.Address
	}
	if json.Unmarshal(line, &entry) == nil && entry.Ops != "" {
		a.once.Do(func() {
			a.clients, a.ops, a.udp, a.api = entry.Clients, entry.Ops, entry.WebTransport, entry.API
			close(a.found)
		})
	}
	return a.out.Write(line)
}

func leakCheck(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		goleak.VerifyNone(t, before)
	})
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// await asks until the answer fits.
func await(t *testing.T, url string, want func(status int, body string) bool) {
	t.Helper()
	status, body := 0, ""
	defer func() {
		if t.Failed() {
			t.Logf("%s answers %d %s", url, status, body)
		}
	}()
	eventually(t, "the answer is as it should be", func() bool {
		status, body = get(t, url)
		return want(status, body)
	})
}
func ready(status int, _ string) bool { return status == http.StatusOK }

func TestGatewaysOfAServiceAreOne(t *testing.T) {
	leakCheck(t)
	nats := natstest.Start(t, nil)
	a, b := start(t, nats.ClientURL(), 0), start(t, nats.ClientURL(), 0)
	await(t, a.ops+"/readyz", ready)
	await(t, b.ops+"/readyz", ready)
	ada, _ := wiretest.Connect(t, a.clients, enginePath, "/")
	bob, _ := wiretest.Connect(t, b.clients, enginePath, "/")

	ada.Send(`42["hi",{"b":1.0,"a":"<>"}]`)

	for _, c := range []*wiretest.Client{ada, bob} {
		c.Expect(`42["hello","old",{"b":1.0,"a":"<>"}]`)
	}
	if _, metrics := get(t, a.ops+"/metrics"); !strings.Contains(metrics, "\nrealtime_connections 1\n") ||
		!strings.Contains(metrics, `realtime_events_total{namespace="/"} 1`) {
		t.Errorf("metrics: %s", metrics)
	}
	if status, body := get(t, a.ops+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz answers %d %s", status, body)
	}
}

func TestReloadWhileClientsStay(t *testing.T) {
	leakCheck(t)
	p := start(t, natstest.Start(t, nil).ClientURL(), 0)
	ada, _ := wiretest.Connect(t, p.clients, enginePath, "/")
	inForce := func(revision string) func(int, string) bool {
		return func(_ int, body string) bool {
			var s gatewaystatus.Status
			return json.Unmarshal([]byte(body), &s) == nil && s.ConfigHash == revision && s.ConfigError == "" && s.Connections == 1
		}
	}
	await(t, p.ops+"/status", inForce(gatewaystatus.Revision(greeter(t, "old"))))

	if err := os.WriteFile(p.config, greeter(t, "new"), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, p.ops+"/status", inForce(gatewaystatus.Revision(greeter(t, "new"))))
	ada.Send(`42["hi",1]`)
	ada.Expect(`42["hello","new",1]`)

	for _, bad := range []string{"no: [yaml", strings.Replace(string(greeter(t, "bad")), "args[0]", "arg[0]", 1)} {
		if err := os.WriteFile(p.config, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		await(t, p.ops+"/status", func(_ int, body string) bool {
			return strings.Contains(body, gatewaystatus.Revision(greeter(t, "new"))) && !strings.Contains(body, `"configError":""`)
		})
		ada.Send(`42["hi",2]`)
		ada.Expect(`42["hello","new",2]`)
		if err := os.WriteFile(p.config, greeter(t, "new"), 0o600); err != nil {
			t.Fatal(err)
		}
		await(t, p.ops+"/status", inForce(gatewaystatus.Revision(greeter(t, "new"))))
	}
}

func TestLeaving(t *testing.T) {
	leakCheck(t)
	p := start(t, natstest.Start(t, nil).ClientURL(), 300*time.Millisecond)
	await(t, p.ops+"/readyz", ready)
	var all []*wiretest.Client
	for range 8 {
		c, _ := wiretest.Connect(t, p.clients, enginePath, "/")
		all = append(all, c)
	}

	p.stop() // what it answers meanwhile: TestReplacedGatewaysKeepTheirClientsUntilAllLeave

	for _, c := range all {
		if last := c.ExpectClosed(); strings.Contains(strings.Join(last, " "), "41") {
			t.Errorf("the namespace was disconnected, so that the client does not come back by itself: %q", last)
		}
	}
	if err := <-p.ended; err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	p.ended <- nil
}

func TestLeavingAtARate(t *testing.T) {
	leakCheck(t)
	const rate, clients = 40, 20
	p := startWith(t, natstest.Start(t, nil).ClientURL(), 0, render(t, withGateway(t, "{}")))
	config := render(t, withGateway(t, fmt.Sprintf("{drain: {rate: %d}}", rate)))
	if err := os.WriteFile(p.config, config, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, p.ops+"/status", func(_ int, body string) bool { return strings.Contains(body, gatewaystatus.Revision(config)) })
	var all []*wiretest.Client
	for range clients {
		c, _ := wiretest.Connect(t, p.clients, enginePath, "/")
		all = append(all, c)
	}

	begun := time.Now()
	p.stop()
	for _, c := range all {
		c.ExpectClosed()
	}

	// The last one is told within the last of as many parts as there are clients.
	if took, least := time.Since(begun), time.Second*(clients-1)/rate; took < least {
		t.Errorf("%d clients are gone after %s, at %d a second", clients, took, rate)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	p.ended <- nil
}

func TestNotReadyBeforeNATSIsReached(t *testing.T) {
	leakCheck(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts nobody
	p := start(t, "nats://"+l.Addr().String(), 0)
	if status, body := get(t, p.ops+"/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("readyz answers %d %s", status, body)
	}
	if status, _ := get(t, p.ops+"/healthz"); status != http.StatusOK {
		t.Errorf("healthz answers %d", status)
	}
}

func TestStartRefuses(t *testing.T) {
	leakCheck(t)
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte(strings.Replace(string(greeter(t, "x")), "args[0]", "arg[0]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"missing.yaml": "read the configuration", bad: "undeclared reference to 'arg'"} {
		err := Run(t.Context(), RunOptions{ConfigFile: name})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}
