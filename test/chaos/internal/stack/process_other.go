// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package stack

import "syscall"

// DeathSignal are attributes of a process that ends with the one that starts it, where the system
// can do that.
func DeathSignal() *syscall.SysProcAttr { return nil }
