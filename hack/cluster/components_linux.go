// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"embed"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"text/template"
)

const (
	// state holds what the running cluster has outside of its node: configuration, keys, logs. It
	// is readable by root alone.
	state = "/run/realtime-operator-cluster"
	// cgroup is the parent of all pods' cgroups, so that down knows which are the cluster's.
	cgroup = "realtime-operator-cluster"
	// hostLink is the host's end of the link between host and node.
	hostLink = "rto-cluster"

	nodeName = "node"

	// All addresses are of 198.18.0.0/15, which is set apart for tests of networks: no machine
	// should be reached there.
	hostAddress  = "198.18.0.1"
	nodeAddress  = "198.18.0.2"
	linkBits     = "/30"
	podRange     = "198.18.128.0/17"
	serviceRange = "198.19.0.0/16"
	apiAddress   = "198.19.0.1"
	dnsAddress   = "198.19.0.10"

	apiServer   = "https://" + nodeAddress + ":6443"
	metricsPort = "4443"
	pauseImage  = "realtime-operator/pause:cluster"
	cniPlugins  = "/usr/lib/cni" // where Debian has them
)

//go:embed config
var configuration embed.FS

// component is a daemon of the node. The cluster ends when one of them ends.
type component struct {
	name     string
	args     []string
	afterAPI bool // it starts when the API server is ready, since it would end or wait long without
	again    bool // it is started again when it ends, since it does not wait for what it needs
}

func inState(name string) string { return filepath.Join(state, name) }

var components = []component{
	{name: "etcd", args: []string{
		"--data-dir=/var/lib/etcd",
		"--unsafe-no-fsync", // its data ends with the node
		"--log-level=warn",
	}},
	{name: "containerd", args: []string{"--config=" + inState("containerd.toml")}},
	{name: "kube-apiserver", args: []string{
		"--advertise-address=" + nodeAddress,
		"--etcd-servers=http://127.0.0.1:2379",
		"--service-cluster-ip-range=" + serviceRange,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged",
		"--client-ca-file=" + inState("pki/ca.crt"),
		"--tls-cert-file=" + inState("pki/kube-apiserver.crt"),
		"--tls-private-key-file=" + inState("pki/kube-apiserver.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + inState("pki/service-accounts.pub"),
		"--service-account-signing-key-file=" + inState("pki/service-accounts.key"),
		"--kubelet-certificate-authority=" + inState("pki/ca.crt"),
		"--kubelet-client-certificate=" + inState("pki/kubelet-client.crt"),
		"--kubelet-client-key=" + inState("pki/kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP", // nobody resolves the node's name
		// One authority signs users and the front proxy, so the front proxy must be told apart by
		// its name.
		"--requestheader-client-ca-file=" + inState("pki/ca.crt"),
		"--requestheader-allowed-names=front-proxy",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + inState("pki/front-proxy.crt"),
		"--proxy-client-key-file=" + inState("pki/front-proxy.key"),
		"--enable-aggregator-routing",
	}},
	{name: "kube-controller-manager", afterAPI: true, args: []string{
		"--kubeconfig=" + inState("kube-controller-manager.kubeconfig"),
		"--authentication-kubeconfig=" + inState("kube-controller-manager.kubeconfig"),
		"--authorization-kubeconfig=" + inState("kube-controller-manager.kubeconfig"),
		"--service-account-private-key-file=" + inState("pki/service-accounts.key"),
		"--root-ca-file=" + inState("pki/ca.crt"),
		"--use-service-account-credentials",
		"--leader-elect=false",
		"--flex-volume-plugin-dir=/var/lib/kubelet/plugins/volume", // by default it makes one on the host
		// With less it spends its first five seconds waiting for leave to ask.
		"--kube-api-qps=500", "--kube-api-burst=1000",
		// An autoscaler that acts in seconds and not in minutes: tests wait for it.
		"--horizontal-pod-autoscaler-sync-period=2s",
		"--horizontal-pod-autoscaler-initial-readiness-delay=5s",
		"--horizontal-pod-autoscaler-cpu-initialization-period=10s",
		"--horizontal-pod-autoscaler-downscale-stabilization=20s",
	}},
	{name: "kube-scheduler", afterAPI: true, args: []string{
		"--kubeconfig=" + inState("kube-scheduler.kubeconfig"),
		"--authentication-kubeconfig=" + inState("kube-scheduler.kubeconfig"),
		"--authorization-kubeconfig=" + inState("kube-scheduler.kubeconfig"),
		"--leader-elect=false",
	}},
	{name: "kubelet", afterAPI: true, args: []string{
		"--config=" + inState("kubelet.yaml"),
		"--kubeconfig=" + inState("kubelet.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--node-ip=" + nodeAddress,
	}},
	{name: "kube-proxy", afterAPI: true, args: []string{"--config=" + inState("kube-proxy.yaml")}},
	// It enforces NetworkPolicies and does nothing else; each pod's traffic is routed by the node.
	// It ends as long as the kubelet has not registered the node.
	{name: "kube-router", afterAPI: true, again: true, args: []string{
		"--kubeconfig=" + inState("kube-router.kubeconfig"),
		"--hostname-override=" + nodeName,
		"--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--run-loadbalancer=false",
		"--enable-cni=false",
		"--service-cluster-ip-range=" + serviceRange,
		"--metrics-port=0",
	}},
	{name: "coredns", afterAPI: true, args: []string{"-conf=" + inState("Corefile")}},
	{name: "metrics-server", afterAPI: true, args: []string{
		"--kubeconfig=" + inState("admin.kubeconfig"),
		"--authentication-kubeconfig=" + inState("admin.kubeconfig"),
		"--authorization-kubeconfig=" + inState("admin.kubeconfig"),
		"--secure-port=" + metricsPort,
		"--tls-cert-file=" + inState("pki/metrics-server.crt"),
		"--tls-private-key-file=" + inState("pki/metrics-server.key"),
		"--kubelet-certificate-authority=" + inState("pki/ca.crt"),
		"--kubelet-preferred-address-types=InternalIP",
		// As often as it may, for autoscalers; and a request must not take as long as that.
		"--metric-resolution=10s", "--kubelet-request-timeout=5s",
	}},
}

// writeState writes what the components read: keys, certificates, kubeconfigs and configuration.
func writeState() error {
	authority, err := newPKI(inState("pki"), apiServer)
	if err != nil {
		return err
	}
	const masters = "system:masters"
	err = errors.Join(
		authority.keyPair("service-accounts"),
		authority.server("kube-apiserver", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local", "localhost", "127.0.0.1", apiAddress, nodeAddress),
		authority.server("kubelet-server", nodeName, nodeAddress),
		authority.server("metrics-server", "metrics-server.kube-system.svc", nodeAddress),
		authority.client("kubelet-client", "kube-apiserver", masters),
		authority.client("front-proxy", "front-proxy"),
		authority.kubeconfig(inState("admin.kubeconfig"), "admin", masters),
		authority.kubeconfig(inState("kube-controller-manager.kubeconfig"), "system:kube-controller-manager"),
		authority.kubeconfig(inState("kube-scheduler.kubeconfig"), "system:kube-scheduler"),
		authority.kubeconfig(inState("kubelet.kubeconfig"), "system:node:"+nodeName, "system:nodes"),
		authority.kubeconfig(inState("kube-proxy.kubeconfig"), "system:kube-proxy"),
		authority.kubeconfig(inState("kube-router.kubeconfig"), "kube-router", masters),
	)
	if err != nil {
		return err
	}

	templates, err := template.New("").Option("missingkey=error").ParseFS(configuration, "config/*")
	if err != nil {
		return err
	}
	values := map[string]string{
		"State": state, "Cgroup": cgroup, "Node": nodeName, "NodeAddress": nodeAddress, "PodRange": podRange, "DNS": dnsAddress,
		"MetricsPort": metricsPort, "PauseImage": pauseImage, "Plugins": cniPlugins, "CA": base64.StdEncoding.EncodeToString(authority.pem),
	}
	for file, path := range map[string]string{
		"containerd.toml": "containerd.toml",
		"pods.conflist":   "cni/pods.conflist",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
		"Corefile":        "Corefile",
		"resolv.conf":     "resolv.conf",
		"services.yaml":   "services.yaml",
	} {
		var content bytes.Buffer
		if err := templates.ExecuteTemplate(&content, file, values); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(inState(path)), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(inState(path), content.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}
