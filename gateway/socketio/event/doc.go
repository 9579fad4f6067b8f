// SPDX-License-Identifier: Apache-2.0

// Package event has the parts of an event on its way from the emitter to the clients: its
// arguments, its target, the packet that is encoded once for all receivers, and the receipt of a
// store. It knows neither sockets nor namespaces. Package socketio has the same types under the
// same names.
package event
