// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"fmt"
	"net"
	"strconv"
)

// listenTries is how often a port is tried that the kernel chooses: the one it has for TCP may be taken for UDP.
const listenTries = 10

// listen opens a TCP port, and the UDP port of the same number if asked for: a client has one number for all its transports.
func listen(host string, port int, withUDP bool) (net.Listener, net.PacketConn, error) {
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, nil, err
		}
		if !withUDP {
			return l, nil, nil
		}
		chosen := l.Addr().(*net.TCPAddr).Port
		socket, err := net.ListenPacket("udp", net.JoinHostPort(host, strconv.Itoa(chosen)))
		if err == nil {
			return l, socket, nil
		}
		l.Close()
		if port != 0 || try == listenTries {
			return nil, nil, fmt.Errorf("for WebTransport: %w", err)
		}
	}
}
