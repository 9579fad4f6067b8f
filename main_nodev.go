// SPDX-License-Identifier: Apache-2.0

//go:build nodev

package main

import "github.com/spf13/cobra"

// addDevCommands adds nothing: a program that is exposed to the internet must not contain a NATS
// server or the API server's libraries, which `realtime dev` uses (decision 0033).
func addDevCommands(*cobra.Command) {}
