// SPDX-License-Identifier: Apache-2.0

// Package kubectl is the plugin `kubectl rts`: what people who run a service ask about it, and do
// to it, by their own rights in Kubernetes and no password of ours (docs/decisions/0074).
//
// What the API server knows is read from there. What gateways know is asked in their pods: by
// pods/proxy, or by pods/exec of `realtime admin` (package gatewayadmin). Each gateway is asked,
// and the answers are put together here, so that it works while NATS does not.
package kubectl
