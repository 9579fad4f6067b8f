// SPDX-License-Identifier: Apache-2.0

package dev

import (
	"fmt"
	"net"
	"strconv"
)

// listenTries is how often the kernel is asked for a port: the one that it chooses for TCP may be
// in use for UDP.
const listenTries = 10

// listen opens a TCP port and, if asked for, the UDP port with the same number: a client uses one
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

// listenUDP opens the UDP port with the number of a TCP one. The printed URL has localhost, which
// is ::1 to a browser if there is IPv6: for TCP it tries 127.0.0.1 next, but for QUIC it need not.
// So it listens on both.
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
