// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"fmt"
	"net"
	"strconv"
)

// listenTries is how often a port is tried that the kernel chooses: the one it has for TCP may be
// taken for UDP.
const listenTries = 10

// listen opens a TCP port, and the UDP port of the same number if asked for: a client has one
// number for all its transports.
func listen(host string, port int, withUDP bool) (net.Listener, []net.PacketConn, error) {
	for try := 1; ; try++ {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return nil, nil, err
		}
		if !withUDP {
			return l, nil, nil
		}
		sockets, err := listenUDP(host, l.Addr().(*net.TCPAddr))
		if err == nil {
			return l, sockets, nil
		}
		l.Close()
		if port != 0 || try == listenTries {
			return nil, nil, fmt.Errorf("for WebTransport: %w", err)
		}
	}
}

// listenUDP opens the UDP port of a TCP one. What is printed is localhost, which is ::1 to a
// browser where there is IPv6: by TCP it tries 127.0.0.1 next, by QUIC it need not. So both are
// listened on.
func listenUDP(host string, tcp *net.TCPAddr) ([]net.PacketConn, error) {
	port := strconv.Itoa(tcp.Port)
	socket, err := net.ListenPacket("udp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	sockets := []net.PacketConn{socket}
	if tcp.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		if other, err := net.ListenPacket("udp", net.JoinHostPort("::1", port)); err == nil {
			sockets = append(sockets, other)
		}
	}
	return sockets, nil
}
