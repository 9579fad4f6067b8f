// SPDX-License-Identifier: Apache-2.0

//go:build nodev

package main

import "github.com/spf13/cobra"

// addDevCommand adds nothing: a program that faces the internet has no NATS server and none of the
// API server's libraries in it, which `realtime dev` takes (decision 0033).
func addDevCommand(*cobra.Command) {}
