// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// overUDP is the greeter with or without WebTransport.
func overUDP(t *testing.T, protocol, greeting string) []byte {
	t.Helper()
	svc, err := manifest.Load(t.Context(), fmt.Appendf(nil, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: greeter}
spec:
  protocol: %s
  namespaces: [{name: /, handlers: [{event: hi, do: [{emit: {event: hello, args: "['%s', args[0]]"}}]}]}]`, protocol, greeting))
	if err != nil {
		t.Fatal(err)
	}
	return render(t, svc)
}

const webTransportOn = "{webTransport: {tlsSecretRef: {name: greeter-tls}}}"

// startOverUDP runs a gateway with a UDP socket and a certificate from a folder.
func startOverUDP(t *testing.T, dir, protocol string, drain time.Duration) *pod {
	t.Helper()
	p := start(t, natstest.Start(t, nil).ClientURL(), drain, func(o *RunOptions) {
		o.WebTransportListen, o.WebTransportCertificateDir = "127.0.0.1:0", dir
		if err := os.WriteFile(o.ConfigFile, overUDP(t, protocol, "old"), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	await(t, p.ops+"/readyz", ready)
	return p
}

// upgrades are the transports that a handshake offers.
func upgrades(t *testing.T, p *pod) string {
	t.Helper()
	_, body := get(t, p.clients+enginePath+"?EIO=4&transport=polling")
	_, rest, _ := strings.Cut(body, `"upgrades":[`)
	offered, _, _ := strings.Cut(rest, "]")
	return offered
}

func TestWebTransportOfAGatewayPod(t *testing.T) {
	leakCheck(t)
	dir := t.TempDir()
	first, second := certtest.New(t, "first"), certtest.New(t, "second")
	certtest.Mount(t, dir, first)
	p := startOverUDP(t, dir, webTransportOn, 0)
	if got := upgrades(t, p); got != `"websocket","webtransport"` {
		t.Errorf("offered are %s", got)
	}
	trust := certtest.Trusting(t, first, second)
	ada := wiretest.DialWebTransport(t, p.udp, enginePath, trust)
	ada.Open()
	bob, _ := wiretest.Connect(t, p.clients, enginePath, "/")

	ada.Send(`42["hi","你好"]`)
	ada.Expect(`42["hello","old","你好"]`)
	bob.Expect(`42["hello","old","你好"]`)
	_, metrics := get(t, p.ops+"/metrics")
	for _, metric := range []string{
		"realtime_webtransport_certificate_expiry_timestamp_seconds ",
		`realtime_webtransport_connections_refused_total{reason="full"} 0`,
		`realtime_webtransport_connections_refused_total{reason="idle"} 0`,
	} {
		if !strings.Contains(metrics, "\n"+metric) {
			t.Errorf("there is no metric %s", metric)
		}
	}

	// Who is there stays while the certificate is renewed, and who comes sees the new one.
	certtest.Mount(t, dir, second)
	block, _ := pem.Decode(second.Certificate)
	eventually(t, "the new certificate is shown", func() bool {
		return bytes.Equal(wiretest.DialWebTransport(t, p.udp, enginePath, trust).Certificate(), block.Bytes)
	})
	bob.Send(`42["hi",1]`)
	ada.Expect(`42["hello","old",1]`)
}

// eventually asks until it is so.
func TestWebTransportFollowsTheConfiguration(t *testing.T) {
	leakCheck(t)
	dir := t.TempDir()
	pair := certtest.New(t, "greeter")
	certtest.Mount(t, dir, pair)
	// The pod template is newer than the configuration that the gateway has.
	p := startOverUDP(t, dir, "{}", 0)
	if got := upgrades(t, p); got != `"websocket"` {
		t.Errorf("offered are %s", got)
	}
	if err := os.WriteFile(p.config, overUDP(t, "{transports: [polling], webTransport: {tlsSecretRef: {name: greeter-tls}}}", "new"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is offered", func() bool { return upgrades(t, p) == `"webtransport"` })
	ada := wiretest.DialWebTransport(t, p.udp, enginePath, certtest.Trusting(t, pair))
	ada.Open()
	if err := os.WriteFile(p.config, overUDP(t, "{}", "newest"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is no longer offered", func() bool { return upgrades(t, p) == `"websocket"` })
	ada.Send(`42["hi",1]`)
	ada.Expect(`42["hello","newest",1]`)
}

func TestWebTransportIsNotOfferedWithoutASocket(t *testing.T) {
	leakCheck(t)
	_, ask := wire(t, webTransportOn)
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	// The configuration has reached a gateway of the old pod template.
	if opened := body(t, ask("GET", "", nil)); strings.Contains(opened, "webtransport") || !strings.Contains(opened, "websocket") {
		t.Errorf("the open packet is %s", opened)
	}
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLeavingWithWebTransport(t *testing.T) {
	leakCheck(t)
	dir := t.TempDir()
	pair := certtest.New(t, "greeter")
	certtest.Mount(t, dir, pair)
	p := startOverUDP(t, dir, webTransportOn, 300*time.Millisecond)
	ada := wiretest.DialWebTransport(t, p.udp, enginePath, certtest.Trusting(t, pair))
	ada.Open()
	bob, _ := wiretest.Connect(t, p.clients, enginePath, "/")
	ada.Send(`42["hi",1]`)
	bob.Expect(`42["hello","old",1]`) // so that it has come before the gateway leaves

	p.stop()

	ada.Expect(`42["hello","old",1]`)
	ada.ExpectClosed()
	if err := <-p.ended; err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	p.ended <- nil
}

func TestWebTransportNeedsACertificate(t *testing.T) {
	leakCheck(t)
	config := t.TempDir() + "/service.yaml"
	if err := os.WriteFile(config, overUDP(t, webTransportOn, "old"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), RunOptions{
		Options:    Options{NATSURLs: []string{natstest.Start(t, nil).ClientURL()}},
		ConfigFile: config, Listen: "127.0.0.1:0", OpsListen: "127.0.0.1:0",
		WebTransportListen: "127.0.0.1:0", WebTransportCertificateDir: t.TempDir(),
	})
	if err == nil || !strings.Contains(err.Error(), "set up WebTransport: read the certificate") {
		t.Errorf("error %v", err)
	}
}
