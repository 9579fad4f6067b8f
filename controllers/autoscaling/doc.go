// SPDX-License-Identifier: Apache-2.0

// Package autoscaling decides how many gateways the clients of a service need (Floor), which
// gateways leave first (Costs), and which ask clients to reconnect when there are new ones (Moves).
// Nothing here uses a cluster or a clock.
//
// The floor follows the rules of a HorizontalPodAutoscaler for a metric with an average value:
// tolerance, stabilization windows and selectPolicy Disabled mean the same. Unlike there, a gateway
// that does not tell its number of clients never counts as empty: while one is unknown, the floor
// does not fall.
package autoscaling
