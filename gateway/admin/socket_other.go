// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package admin

import (
	"errors"
	"log/slog"
	"net"
)

// Listen fails: gateways for people to look at run on Linux.
func Listen(string, *slog.Logger) (net.Listener, error) {
	return nil, errors.New("listen for people: there are no abstract sockets on this system")
}
