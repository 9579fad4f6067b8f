//go:build e2e

// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/doctor"
)

const (
	// exposedGateways is how many gateways each exposed service has: none gets all requests of a
	// client.
	exposedGateways = 3
	// exposedClients is how many clients each of them has.
	exposedClients = 12
	// idle is longer than any default timeout of a proxy that would cut a silent connection.
	idle = 2 * time.Minute
)

// testExposed brings clients to two services through Traefik, by an Ingress and by Gateway API,
// with TLS. They are idle for two minutes, and stay while certificates are renewed; they get each
// message once while Traefik is replaced.
func testExposed(t *testing.T) {
	authority := newAuthority(t)
	byGateway := newExposed(t, authority, "by-gateway-api", map[string]any{
		"gatewayAPI": map[string]any{"parentRefs": []any{map[string]any{"name": "edge", "namespace": "traefik", "sectionName": "https"}}},
	})
	byGateway.eventuallyExposed("KindMissing", "")

	address := startTraefik(t, authority.issue("by-gateway-api.test"))
	byIngress := newExposed(t, authority, "by-ingress", map[string]any{
		"tls": map[string]any{"secretName": "certificate"}, "ingress": map[string]any{"className": "traefik"},
	})
	both := []*exposed{byGateway, byIngress}
	c := startClients(t, "NODE_EXTRA_CA_CERTS="+authority.file)
	for _, e := range both {
		e.eventuallyExposed("Exposed", "https://"+e.host)
		e.address = address
		e.diagnose()
		e.connect(c)
	}
	start := c.mark()
	for _, e := range both {
		e.publish(c, 20)
	}
	c.never(start, "disconnect", idle)

	kubectl(t, "--namespace", "traefik", "delete", "secret/certificate")
	createCertificate(t, "traefik", authority.issue(byGateway.host))
	byIngress.kubectl("delete", "secret/certificate")
	createCertificate(t, byIngress.namespace, authority.issue(byIngress.host))
	for _, e := range both {
		e.eventuallyServed(authority.issued[e.host])
		e.publish(c, 40)
	}
	if n := c.count(start, "disconnect"); n != 0 {
		t.Errorf("%d clients were disconnected when certificates were renewed", n)
	}

	restarted := c.mark()
	kubectl(t, "--namespace", "traefik", "rollout", "restart", "deployment/traefik")
	pace := time.NewTicker(100 * time.Millisecond) // who is away for a minute misses less than the log keeps
	defer pace.Stop()
	for next := 41; next%20 != 0 || c.count(restarted, "disconnect") < len(both)*exposedClients; next++ {
		<-pace.C
		for _, e := range both {
			e.publish(c, next)
		}
	}
	for _, e := range both {
		e.publish(c, e.next+20)
		e.checkAllBack(c, start, restarted)
	}

	kubectl(t, "delete", "--filename="+gatewayAPI(t), "--wait=true", "--timeout=1m")
	byGateway.eventuallyExposed("KindMissing", "")
	byIngress.eventuallyExposed("Exposed", "https://"+byIngress.host)
}

// exposed is a service that clients from outside of the cluster reach.
type exposed struct {
	*service
	host, address, file string
	api                 string
	clients             []string
	ids                 map[string]string
	// next is the number that is published next.
	next int
}

// newExposed applies a service with an exposure and the certificate for its host.
func newExposed(t *testing.T, authority *authority, name string, exposure map[string]any) *exposed {
	t.Helper()
	namespace := newNamespace(t, name)
	e := &exposed{host: name + ".test", file: authority.file, ids: map[string]string{}}
	createCertificate(t, namespace, authority.issue(e.host))
	kubectl(t, "--namespace", namespace, "create", "secret", "generic", "publishers", "--from-literal=token=an-end-to-end-token")
	exposure["host"] = e.host
	e.service = apply(t, namespace, edit(t, withReplicas(t, sample(t, "chat"), exposedGateways), map[string]any{
		"spec.recovery":           map[string]any{"maxDisconnection": "2m"},
		"spec.api.tokenSecretRef": map[string]any{"name": "publishers"},
		"spec.exposure":           exposure,
	}))
	eventually(t, 60*time.Second, "all gateways are ready", func() error { return want("gateways", len(e.pods()), exposedGateways) })
	e.api = e.publishURL()
	return e
}

func (e *exposed) eventuallyExposed(reason, url string) {
	e.t.Helper()
	eventually(e.t, 60*time.Second, e.host+" is "+reason, func() error {
		condition := e.kubectl("get", "rts/"+e.name, `--output=jsonpath={.status.conditions[?(@.type=="Exposed")]}`)
		if !strings.Contains(condition, `"reason":"`+reason+`"`) {
			return fmt.Errorf("the condition Exposed is %s, want %s", condition, reason)
		}
		return want("status.url", e.get(".status.url"), url)
	})
}

// diagnose wants the doctor to find nothing wrong.
func (e *exposed) diagnose() {
	e.t.Helper()
	var report bytes.Buffer
	o := doctor.Options{URL: e.get(".status.url"), ConnectTo: e.address, CAFile: e.file, Out: &report}
	if err := doctor.Run(e.t.Context(), o); err != nil {
		e.t.Errorf("the doctor of %s: %v\n%s", e.host, err, report.String())
	}
}

// connect connects clients by the name of the host: a third polls and nothing else, a third uses
// WebSockets alone, and a third goes from one to the other.
func (e *exposed) connect(c *clients) {
	e.t.Helper()
	c.order(map[string]any{"do": "resolve", "host": e.host, "address": e.address})
	for i := range exposedClients {
		name, url := fmt.Sprintf("%s-%d", e.host, i), e.get(".status.url")
		switch i % 3 {
		case 0:
			c.poll(name, url)
		case 1:
			c.connect(name, url)
		case 2:
			c.upgrade(name, url)
		}
		e.ids[name], _ = c.wait(name, "connect", 20*time.Second, anything)[0].(string)
		e.clients = append(e.clients, name)
	}
}

// publish publishes the numbers up to one.
func (e *exposed) publish(c *clients, last int) {
	e.t.Helper()
	for ; e.next <= last; e.next++ {
		publishOnce(e.t, e.api, e.next)
	}
}

// eventuallyServed waits until Traefik serves a certificate.
func (e *exposed) eventuallyServed(issued certificate) {
	e.t.Helper()
	eventually(e.t, 60*time.Second, e.host+" has its new certificate", func() error {
		connection, err := tls.Dial("tcp", e.address+":443", &tls.Config{ServerName: e.host, InsecureSkipVerify: true})
		if err != nil {
			return err
		}
		defer connection.Close()
		served := connection.ConnectionState().PeerCertificates[0].SerialNumber
		return want("the serial number", served.String(), issued.serial.String())
	})
}

// checkAllBack wants each client to have come back as it was since the mark, and to have got all
// that was published since the start once and in order.
func (e *exposed) checkAllBack(c *clients, start, mark int) {
	e.t.Helper()
	for _, name := range e.clients {
		c.waitSince(mark, name, "connect", 60*time.Second, anything)
		c.waitSince(start, name, "numbered", 60*time.Second, func(args []any) bool { return args[0] == float64(e.next-1) })
		if args := c.waitSince(mark, name, "connect", time.Second, anything); args[0] != e.ids[name] {
			e.t.Errorf("%s was %s and has become %v: it was not recovered", name, e.ids[name], args[0])
		}
	}
	numbered := slices.DeleteFunc(c.since(start, "numbered"), func(event clientEvent) bool { return !slices.Contains(e.clients, event.Client) })
	checkNumbers(e.t, numbered, e.clients, e.next-1)
	e.t.Logf("%d messages to each of %d clients of %s", e.next, len(e.clients), e.host)
}

// startTraefik brings Gateway API and Traefik into the cluster until the test ends, and returns the
// address of its Service. The Gateway has the certificate.
func startTraefik(t *testing.T, issued certificate) (address string) {
	t.Helper()
	definitions := gatewayAPI(t)
	kubectl(t, "apply", "--server-side", "--filename="+definitions)
	newNamespace(t, "traefik")
	t.Cleanup(func() {
		kubectl(t, "delete", "--ignore-not-found", "--filename="+definitions, "--timeout=1m")
		kubectl(t, "delete", "--ignore-not-found", "ingressclass/traefik", "clusterrole/traefik-of-tests", "clusterrolebinding/traefik-of-tests")
	})
	createCertificate(t, "traefik", issued)
	source, err := os.ReadFile("testdata/traefik.yaml")
	if err != nil {
		t.Fatal(err)
	}
	manifest := strings.ReplaceAll(string(source), "image: IMAGE", "image: "+setting(t, "TRAEFIK_IMAGE"))
	applyAs := func(manifest string) {
		t.Helper()
		if output, err := tryKubectl(t, manifest, "--namespace=traefik", "apply", "--filename=-"); err != nil {
			t.Fatalf("kubectl apply: %v\n%s", err, output)
		}
	}
	beforeDeployment, deployment, _ := strings.Cut(manifest, "---\napiVersion: apps/v1\n")
	applyAs(beforeDeployment)
	address = kubectl(t, "--namespace=traefik", "get", "service/traefik", "--output=jsonpath={.spec.clusterIP}")
	applyAs("apiVersion: apps/v1\n" + strings.ReplaceAll(deployment, "=ADDRESS", "="+address))
	kubectl(t, "apply", "--filename=testdata/gateway.yaml")
	kubectl(t, "--namespace=traefik", "rollout", "status", "deployment/traefik", "--timeout=2m")
	return address
}

// gatewayAPI is a folder with the resources of Gateway API, from the module that the operator is
// built with.
func gatewayAPI(t *testing.T) string {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		t.Fatalf("finding the module of Gateway API: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(module)), "config", "crd", "standard")
}

// authority issues certificates for hosts.
type authority struct {
	t      *testing.T
	leaf   *x509.Certificate
	key    *ecdsa.PrivateKey
	file   string
	serial int64
	// issued are the newest by host.
	issued map[string]certificate
}

// certificate is a certificate and its key, as PEM.
type certificate struct {
	serial           *big.Int
	certificate, key []byte
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, issued: map[string]certificate{}, file: filepath.Join(t.TempDir(), "ca.crt")}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tests"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	var encoded []byte
	encoded, a.key = a.sign(template, nil)
	leaf, err := x509.ParseCertificate(encoded)
	if err != nil {
		t.Fatal(err)
	}
	a.leaf, a.serial = leaf, 1
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// sign makes a key and signs a certificate for it, with the key itself if there is no parent.
func (a *authority) sign(template, parent *x509.Certificate) (encoded []byte, key *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if parent == nil {
		parent, signer = template, key
	}
	if encoded, err = x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer); err != nil {
		a.t.Fatal(err)
	}
	return encoded, key
}

// issue issues a new certificate for a host.
func (a *authority) issue(host string) certificate {
	a.t.Helper()
	a.serial++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 6, 0), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	encoded, key := a.sign(template, a.leaf)
	encodedKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	issued := certificate{
		serial:      template.SerialNumber,
		certificate: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}),
		key:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}),
	}
	a.issued[host] = issued
	return issued
}

// createCertificate makes the Secret certificate in a namespace.
func createCertificate(t *testing.T, namespace string, c certificate) {
	t.Helper()
	folder := t.TempDir()
	for name, content := range map[string][]byte{"tls.crt": c.certificate, "tls.key": c.key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	kubectl(t, "--namespace", namespace, "create", "secret", "tls", "certificate",
		"--cert="+filepath.Join(folder, "tls.crt"), "--key="+filepath.Join(folder, "tls.key"))
}
