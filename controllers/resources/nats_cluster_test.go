// SPDX-License-Identifier: Apache-2.0

package resources

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/controllers/certificates"
)

// threeServers has NATS store on three servers.
func threeServers(storage v1alpha1.StorageSpec) func(*v1alpha1.RealtimeServiceSpec) {
	return func(s *v1alpha1.RealtimeServiceSpec) {
		withRecovery(storage)(s)
		s.NATS = &v1alpha1.NATSSpec{Managed: &v1alpha1.ManagedNATSSpec{Replicas: 3}}
	}
}

var onClaims = v1alpha1.StorageSpec{Size: resource.MustParse("1Gi"), Persistent: true}

// natsTrio are the servers of a cluster by the configuration of a service. The names of pods lead
// to ports of loopback.
type natsTrio struct {
	*natsFolder
	config  string
	servers []*natsserver.Server
}

func startNATSTrio(t *testing.T, svc *v1alpha1.RealtimeService) *natsTrio {
	t.Helper()
	f := newNATSFolder(t, svc)
	f.certifyLoopback(t)
	trio := &natsTrio{natsFolder: f, config: onLoopback(t, NATSConfigMap(svc, false)).Data[natsConfigKey]}
	ports := make([]int, natsCluster)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
		route := fmt.Sprintf("%s-%d.%s:%d", NATSSetName(svc.Name, natsCluster), i, natsRouteDomain(svc), natsRoutePort)
		if !strings.Contains(trio.config, route) {
			t.Fatalf("there is no route to %s in\n%s", route, trio.config)
		}
		trio.config = strings.Replace(trio.config, route, fmt.Sprintf("localhost:%d", ports[i]), 1)
		l.Close()
	}
	for i := range ports {
		trio.servers = append(trio.servers, f.member(t, trio.config, i, ports[i]))
	}
	return trio
}

// certifyLoopback has the certificate for localhost too, by the same authority.
func (f *natsFolder) certifyLoopback(t *testing.T) {
	t.Helper()
	data, err := certificates.RenewNATS(nil, append(NATSHosts(f.svc), "localhost"), true, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.authority = data[keyNATSAuthority]
	for name, content := range map[string][]byte{
		corev1.TLSCertKey: data[corev1.TLSCertKey], corev1.TLSPrivateKeyKey: data[corev1.TLSPrivateKeyKey], keyNATSAuthority: f.authority,
	} {
		if err := os.WriteFile(filepath.Join(f.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// member starts a server of a cluster that listens to others at a port.
func (f *natsFolder) member(t *testing.T, config string, index, port int) *natsserver.Server {
	t.Helper()
	text := strings.Replace(config, fmt.Sprintf("  port: %d\n", natsRoutePort), fmt.Sprintf("  listen: \"127.0.0.1:%d\"\n", port), 1)
	options := f.options(t, &corev1.ConfigMap{Data: map[string]string{natsConfigKey: text}})
	options.NoLog, options.NoSigs, options.StoreDir = true, true, t.TempDir()
	options.ServerName = fmt.Sprintf("chat-nats3-%d", index)
	server, err := natsserver.NewServer(options)
	if err != nil {
		t.Fatalf("the server refuses its configuration: %v", err)
	}
	server.Start()
	t.Cleanup(func() { stop(server) })
	return server
}

// healthy waits until each server says what its startup probe asks for.
func (trio *natsTrio) healthy(t *testing.T) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, server := range trio.servers {
		for server.Healthz(nil).Error != "" {
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("server %s: %v", server.Name(), server.Healthz(nil).Error)
			}
		}
	}
}

func TestThreeServersOfNATSFormACluster(t *testing.T) {
	svc := service(t, threeServers(onClaims))
	trio := startNATSTrio(t, svc)
	trio.healthy(t)
	conn, err := trio.encrypted(t, trio.servers[0])
	if err != nil {
		t.Fatal(err)
	}
	if urls := conn.DiscoveredServers(); len(urls) > 0 {
		t.Errorf("clients are told of %q, which are in no certificate", urls)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: natsCluster})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(stream.CachedInfo().Cluster.Replicas); n != natsCluster-1 {
		t.Errorf("%d other servers store the stream", n)
	}
	if trio.plaintextTaken(t, trio.servers[1]) {
		t.Error("a client without TLS is let in")
	}
}

// A program that has the password, or reaches the port, is no server.
func TestOnlyServersWithACertificateOfNATSJoin(t *testing.T) {
	svc := service(t, threeServers(onClaims))
	trio := startNATSTrio(t, svc)
	trio.healthy(t)
	stranger := newNATSFolder(t, svc) // of another authority
	stranger.certifyLoopback(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	refused := make(chan string, 16)
	server := stranger.member(t, trio.config, 7, port)
	server.SetLoggerV2(routeErrors{refused}, false, false, false)
	select {
	case <-refused:
	case <-time.After(time.Minute):
		t.Fatal("its routes are not refused in time")
	}
	if n := server.NumRoutes(); n > 0 {
		t.Errorf("it has %d routes", n)
	}
}

// routeErrors passes on that a handshake with another server has failed.
type routeErrors struct{ refused chan<- string }

func (routeErrors) Noticef(string, ...any) {}
func (routeErrors) Warnf(string, ...any)   {}
func (routeErrors) Fatalf(string, ...any)  {}
func (routeErrors) Debugf(string, ...any)  {}
func (routeErrors) Tracef(string, ...any)  {}
func (r routeErrors) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !strings.Contains(text, "TLS") {
		return
	}
	select {
	case r.refused <- text:
	default:
	}
}

func TestTheServersOfAClusterHaveClaimsByTemplate(t *testing.T) {
	svc := service(t, threeServers(onClaims))
	set := natsSet(svc)
	if n := len(set.Spec.VolumeClaimTemplates); n != 1 {
		t.Fatalf("%d templates", n)
	}
	var names, wanted []string
	for i, claim := range NATSClaims(svc) {
		names = append(names, claim.Name)
		wanted = append(wanted, fmt.Sprintf("%s-%s-%d", set.Spec.VolumeClaimTemplates[0].Name, set.Name, i))
	}
	if diff := cmp.Diff(wanted, names); diff != "" {
		t.Errorf("the operator makes other claims than the StatefulSet mounts: %s", diff)
	}
	mounts := set.Spec.Template.Spec.Containers[0].VolumeMounts
	if last := mounts[len(mounts)-1]; last.Name != set.Spec.VolumeClaimTemplates[0].Name {
		t.Errorf("the last mount is %q", last.Name)
	}

	larger := service(t, threeServers(v1alpha1.StorageSpec{Size: resource.MustParse("2Gi"), Persistent: true}))
	wantedSet := natsSet(larger)
	if !KeepNATSClaimTemplates(wantedSet, set) || !cmp.Equal(wantedSet.Spec.VolumeClaimTemplates, set.Spec.VolumeClaimTemplates) {
		t.Errorf("the template changes, which it cannot: %+v", wantedSet.Spec.VolumeClaimTemplates)
	}
	if size := NATSClaims(larger)[2].Spec.Resources.Requests[corev1.ResourceStorage]; !sameNumber(size, resource.MustParse("2Gi")) {
		t.Errorf("the claim does not grow: %s", &size)
	}
	if KeepNATSClaimTemplates(natsSet(service(t, threeServers(v1alpha1.StorageSpec{Size: resource.MustParse("2Gi")}))), set) {
		t.Error("a StatefulSet without templates is to replace one with them")
	}
}

// A label of each pod has the name of its StatefulSet and a hash of up to 11 characters.
func TestTheLongestNameOfAServiceLeavesRoomForLabels(t *testing.T) {
	if name := NATSSetName(strings.Repeat("a", 45), natsCluster); len(name) > 52 {
		t.Errorf("%s has %d characters", name, len(name))
	}
}

// Servers that read the new authority after one has a certificate of it would be cut off from it.
func TestServersRestartForANewAuthority(t *testing.T) {
	svc := service(t, threeServers(onClaims))
	template := func(identity NATSIdentity) corev1.PodTemplateSpec {
		return NATSStatefulSet(svc, "nats", NATSConfigMap(svc, false), identity).Spec.Template
	}
	_, before := NATSCertificate(svc, map[string][]byte{corev1.TLSCertKey: []byte("a"), keyNATSAuthority: []byte("b")})
	_, after := NATSCertificate(svc, map[string][]byte{corev1.TLSCertKey: []byte("a"), keyNATSAuthority: []byte("bc")})
	if cmp.Equal(template(before), template(after)) {
		t.Error("they do not restart")
	}
	_, single := NATSCertificate(service(t), map[string][]byte{keyNATSAuthority: []byte("b")})
	if single.Authorities != "" {
		t.Error("a single server restarts for an authority that it does not read")
	}
}

func TestServersOfAClusterArePlacedApart(t *testing.T) {
	svc := service(t, threeServers(onClaims))
	if n := len(natsSet(svc).Spec.Template.Spec.TopologySpreadConstraints); n != 2 {
		t.Errorf("there are %d constraints", n)
	}
	svc.Spec.NATS.Managed.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1, TopologyKey: "rack"}}
	if got := natsSet(svc).Spec.Template.Spec.TopologySpreadConstraints; len(got) != 1 || got[0].TopologyKey != "rack" {
		t.Errorf("the manifest's are replaced by %+v", got)
	}
	if n := len(natsSet(service(t)).Spec.Template.Spec.TopologySpreadConstraints); n != 0 {
		t.Errorf("a single server has %d", n)
	}
}

// Gateways that connect to a server that has not joined would be cut off from the others.
func TestClientsFindServersThatAreReady(t *testing.T) {
	single, several := service(t), service(t, threeServers(onClaims))
	if !NATSService(single).Spec.PublishNotReadyAddresses || NATSRouteService(single) != nil {
		t.Error("a single server is not found while it starts")
	}
	if NATSService(several).Spec.PublishNotReadyAddresses || !NATSRouteService(several).Spec.PublishNotReadyAddresses {
		t.Error("servers of a cluster are found by clients before they are ready, or not by each other")
	}
	if name := natsSet(several).Spec.ServiceName; name != NATSRouteService(several).Name {
		t.Errorf("pods have their names from Service %s", name)
	}
}

func TestGatewaysStoreOnAllServers(t *testing.T) {
	for name, test := range map[string]struct {
		svc  *v1alpha1.RealtimeService
		want int32
	}{
		"one server":    {service(t, withRecovery(onClaims)), 1},
		"three servers": {service(t, threeServers(onClaims)), 3},
		"no recovery":   {service(t), 0},
		"of your own": {service(t, withRecovery(onClaims), func(s *v1alpha1.RealtimeServiceSpec) {
			s.NATS, s.Recovery.Replicas = &v1alpha1.NATSSpec{URLs: []string{"nats://a:4222"}}, 5
		}), 5},
	} {
		if got := test.svc.Spec.StoredBy(); got != test.want {
			t.Errorf("%s: %d", name, got)
		}
	}
}
