// SPDX-License-Identifier: Apache-2.0

// Package service makes a RealtimeService run: Compile turns its namespaces and handlers into a Program, and a Runtime
// puts programs in force on a Socket.IO server, one after another, while clients stay.
package service
