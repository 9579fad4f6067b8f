// SPDX-License-Identifier: Apache-2.0

// Package apply writes the objects that a service owns, and deletes those that it no longer wants.
//
// Everything is applied server-side under one field manager, so that fields that others change are
// reset. An object that belongs to somebody else is never written.
package apply
