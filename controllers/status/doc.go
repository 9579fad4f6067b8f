// SPDX-License-Identifier: Apache-2.0

// Package status computes a service's status from what the operator has observed. It asks nobody:
// package controllers looks at the objects and asks the gateways, and writes the result.
package status
