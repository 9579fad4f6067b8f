// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/gatewayconfig"
	"github.com/realtime-operator/realtime-operator/api/gatewaypeers"
	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/gateway/internal/certtest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// mountPeers writes what a gateway shows to its peers, and returns the folder.
func mountPeers(t *testing.T, authority *certtest.Authority) string {
	t.Helper()
	dir, pair := t.TempDir(), authority.Issue(t, gatewaypeers.ServerName)
	for name, data := range map[string][]byte{
		gatewaypeers.Authorities: authority.Certificate,
		gatewaypeers.Certificate: pair.Certificate,
		gatewaypeers.Key:         pair.Key,
		gatewaypeers.SessionKeys: []byte(base64.StdEncoding.EncodeToString(make([]byte, gatewaypeers.SessionKeyBytes)) + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func withPeers(dir string) func(*RunOptions) {
	return func(o *RunOptions) { o.PeerDir, o.PeerListen, o.PeerAddress = dir, "127.0.0.1:0", "127.0.0.1" }
}

// push sends something to a gateway as its operator does. The error is that of the connection.
func push(t *testing.T, address string, identity *tls.Config, path string, body []byte) (int, gatewaystatus.Status, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://"+address+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: identity, DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return 0, gatewaystatus.Status{}, err
	}
	defer answer.Body.Close()
	var status gatewaystatus.Status
	if answer.StatusCode == http.StatusOK {
		if err := json.NewDecoder(answer.Body).Decode(&status); err != nil {
			t.Fatal(err)
		}
	}
	return answer.StatusCode, status, nil
}

func TestTheOperatorsConfigurationIsInForceAtOnce(t *testing.T) {
	leakCheck(t)
	authority := certtest.NewAuthority(t)
	p := startWith(t, natstest.Start(t, nil).ClientURL(), 0, numbered(t, 1, "one"), withPeers(mountPeers(t, authority)))
	identity := authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, gatewaypeers.OperatorName))
	ada, _ := wiretest.Connect(t, p.clients, enginePath, "/")
	greeted := func(greeting string) {
		t.Helper()
		ada.Send(`42["hi",1]`)
		ada.Expect(`42["hello","` + greeting + `",1]`)
	}
	pushed := func(config []byte, inForce []byte, problem string) {
		t.Helper()
		code, status, err := push(t, p.peers, identity, gatewayconfig.Path, config)
		if err != nil || code != http.StatusOK {
			t.Fatalf("%d, %v", code, err)
		}
		if status.ConfigHash != gatewaystatus.Revision(inForce) || !strings.Contains(status.ConfigError, problem) || (problem == "") != (status.ConfigError == "") {
			t.Fatalf("the status is %+v", status)
		}
	}
	three, five, eight := numbered(t, 3, "three"), numbered(t, 5, "five"), numbered(t, 8, "eight")

	pushed(five, five, "")
	greeted("five")
	pushed(three, five, "") // another operator's, which has lost the lead
	greeted("five")
	pushed(broken(t, 6), five, "arg6")
	greeted("five")

	// The kubelet is behind, and has told of what it brought when it brings more.
	for _, file := range [][]byte{three, five, eight} {
		if err := os.WriteFile(p.config, file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	await(t, p.ops+"/status", func(_ int, body string) bool { return strings.Contains(body, gatewaystatus.Revision(eight)) })
	greeted("eight")
	pushed(five, eight, "")
	pushed(eight, eight, "")
}

func TestAFileThatComesLateLeavesWhatWasPushed(t *testing.T) {
	leakCheck(t)
	authority := certtest.NewAuthority(t)
	said := &output{}
	p := startWith(t, natstest.Start(t, nil).ClientURL(), 0, numbered(t, 1, "one"), withPeers(mountPeers(t, authority)), func(o *RunOptions) {
		o.Log = alsoTo(o.Log, said)
	})
	five := numbered(t, 5, "five")
	identity := authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, gatewaypeers.OperatorName))
	if _, status, err := push(t, p.peers, identity, gatewayconfig.Path, five); err != nil || status.ConfigHash != gatewaystatus.Revision(five) {
		t.Fatal(status, err)
	}
	if err := os.WriteFile(p.config, numbered(t, 4, "four"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the file is seen", func() bool { return strings.Contains(said.String(), "has come late") })
	await(t, p.ops+"/status", func(_ int, body string) bool {
		return strings.Contains(body, gatewaystatus.Revision(five)) && strings.Contains(body, `"configError":""`)
	})
}

func TestNobodyButTheOperatorConfiguresAGateway(t *testing.T) {
	leakCheck(t)
	authority, other := certtest.NewAuthority(t), certtest.NewAuthority(t)
	one := numbered(t, 1, "one")
	p := startWith(t, natstest.Start(t, nil).ClientURL(), 0, one, withPeers(mountPeers(t, authority)))
	operator := authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, gatewaypeers.OperatorName))
	for name, intruder := range map[string]*tls.Config{
		"another gateway":                      authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, gatewaypeers.ServerName)),
		"a gateway with a pattern for a name":  authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, "*.peers.realtime-operator.io")),
		"the operator of another service":      authority.TLS(t, gatewaypeers.ServerName, other.Issue(t, gatewaypeers.OperatorName)),
		"somebody without a certificate":       authority.TLS(t, gatewaypeers.ServerName, certtest.Pair{}),
		"somebody with a certificate for else": authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, "somebody.example.com")),
	} {
		for _, path := range []string{gatewayconfig.Path, gatewayconfig.CredentialsPath} {
			if code, _, err := push(t, p.peers, intruder, path, numbered(t, 2, "two")); err == nil && code != http.StatusNotFound && code != http.StatusForbidden {
				t.Errorf("%s is answered %d at %s", name, code, path)
			}
		}
	}
	for path, want := range map[string]int{
		enginePath + "?EIO=4&transport=polling&sid=a": http.StatusNotFound, // what gateways send to each other
		"/metrics": http.StatusNotFound,
	} {
		if code, _, err := push(t, p.peers, operator, path, nil); err != nil || code != want {
			t.Errorf("the operator is answered %d at %s, %v", code, path, err)
		}
	}
	somebody := authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, "somebody.example.com"))
	if code, _, err := push(t, p.peers, somebody, enginePath+"?EIO=4&transport=polling&sid=a", nil); err != nil || code != http.StatusForbidden {
		t.Errorf("somebody with a certificate for else is answered %d for a session, %v", code, err)
	}
	tooMuch := bytes.Repeat([]byte("#"), gatewayconfig.MaxBytes+1)
	if code, _, err := push(t, p.peers, operator, gatewayconfig.Path, tooMuch); err != nil || code != http.StatusRequestEntityTooLarge {
		t.Errorf("more than a ConfigMap holds is answered %d, %v", code, err)
	}
	if code, status, err := push(t, p.peers, operator, gatewayconfig.Path, tooMuch[1:]); err != nil || code != http.StatusOK || status.ConfigError == "" {
		t.Errorf("as much as a ConfigMap holds is answered %d, %+v, %v", code, status, err)
	}
	await(t, p.ops+"/status", func(_ int, body string) bool { return strings.Contains(body, gatewaystatus.Revision(one)) })
}

func TestTheOperatorHandsCredentialsOver(t *testing.T) {
	leakCheck(t)
	said := &output{}
	started := &natsserver.Options{Username: "gateway", Password: "plantedfirst"}
	nats := natstest.Start(t, started)
	mounted := t.TempDir()
	for name, data := range map[string]string{"username": "gateway", "password": "plantedfirst"} {
		if err := os.WriteFile(filepath.Join(mounted, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authority := certtest.NewAuthority(t)
	p := startWith(t, nats.ClientURL(), 0, greeter(t, "x"), withPeers(mountPeers(t, authority)), func(o *RunOptions) {
		o.NATSCredentialsDir, o.Log = mounted, alsoTo(o.Log, said)
	})
	await(t, p.ops+"/readyz", func(_ int, body string) bool { return body == "ok\n" })
	natstest.Users(t, nats, started, func(o *natsserver.Options) { o.Password = "plantedsecond" })
	await(t, p.ops+"/readyz", func(_ int, body string) bool { return strings.Contains(body, "NATS is away") })

	operator := authority.TLS(t, gatewaypeers.ServerName, authority.Issue(t, gatewaypeers.OperatorName))
	for body, want := range map[string]int{
		"no JSON": http.StatusBadRequest, `{"username":"gateway"}`: http.StatusBadRequest,
		`{"username":"` + strings.Repeat("a", credentialsLimit) + `"}`: http.StatusRequestEntityTooLarge,
	} {
		if code, _, err := push(t, p.peers, operator, gatewayconfig.CredentialsPath, []byte(body)); err != nil || code != want {
			t.Errorf("%.20s is answered %d, %v", body, code, err)
		}
	}
	begun := time.Now()
	code, _, err := push(t, p.peers, operator, gatewayconfig.CredentialsPath, []byte(`{"username":"gateway","password":"plantedsecond"}`))
	if err != nil || code != http.StatusOK {
		t.Fatal(code, err)
	}
	await(t, p.ops+"/readyz", func(_ int, body string) bool { return body == "ok\n" })
	t.Logf("connected %v later", time.Since(begun).Round(time.Millisecond))
	planted{"first password": "plantedfirst", "second password": "plantedsecond"}.wantNone(t, "the log", said.String())
}

// alsoTo logs to a second place, everything.
func alsoTo(log *slog.Logger, second io.Writer) *slog.Logger {
	return slog.New(slog.NewMultiHandler(log.Handler(), slog.NewTextHandler(second, &slog.HandlerOptions{Level: slog.LevelDebug})))
}
