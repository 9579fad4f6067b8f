// SPDX-License-Identifier: Apache-2.0

// Package history keeps the last events of rooms that have a member on this gateway: read once from
// the log of events, and kept up to date by what the log delivers. A cache bounds the memory for
// the rooms of all namespaces.
package history
