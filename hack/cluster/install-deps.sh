#!/usr/bin/env bash
# Installs what `hack/cluster/cluster up` takes from Debian: it builds all the rest from Go modules.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

packages=(
  runc                       # what containerd starts containers with
  containernetworking-plugins # ptp and host-local: the network of pods
  nftables                   # kube-proxy writes its rules with nft
  iptables ipset             # kube-router writes the rules of NetworkPolicies with these
  conntrack                  # kube-proxy ends connections to pods that are gone
  iproute2                   # ip, for the link between host and node
)
apt-get -o DPkg::Lock::Timeout=300 update -qq
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${packages[@]}"
