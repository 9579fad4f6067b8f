// SPDX-License-Identifier: Apache-2.0

// Package exposure says whether clients from outside of the cluster are led to a service, from the
// Ingress or the routes that were made for it and what their controllers say about them. It asks
// nobody: what it judges was read by package controllers.
package exposure
