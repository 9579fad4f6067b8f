// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package chaos

import "syscall"

func deathSignal() *syscall.SysProcAttr { return nil }
