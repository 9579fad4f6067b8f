// SPDX-License-Identifier: Apache-2.0

// Package event has what an event consists of on its way from who emits it to the clients that get it: its
// arguments, who is meant, the packet that is encoded once for all of them, and the receipt of a store. It
// knows neither sockets nor namespaces. Package socketio has the same types under the same names.
package event
