// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "load: it waits for its connections by epoll, and reads what the server uses from /proc, so it needs Linux")
	os.Exit(1)
}
