// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Listen listens on a Unix socket, such as gatewayadmin.Socket, for processes of this container and
// this user.
func Listen(address string, log *slog.Logger) (net.Listener, error) {
	l, err := net.Listen("unix", address)
	if err != nil {
		return nil, fmt.Errorf("listen for people: %w", err)
	}
	return &guarded{l, log}, nil
}

// guarded turns away those of other users and other containers. Abstract sockets have no file with
// permissions, and all containers of a pod share them.
type guarded struct {
	net.Listener
	log *slog.Logger
}

func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if err := check(conn); err != nil {
			g.log.Warn("somebody was turned away from the socket for people", "error", err)
			conn.Close()
			continue
		}
		return conn, nil
	}
}

func check(conn net.Conn) error {
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		return errors.New("this is no Unix socket")
	}
	raw, err := unixConn.SyscallConn()
	if err != nil {
		return fmt.Errorf("see who it is: %w", err)
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return fmt.Errorf("see who it is: %w", err)
	}
	if failed != nil {
		return fmt.Errorf("see who it is: %w", failed)
	}
	return admits(peer, os.Geteuid())
}

// admits returns an error for others than a process of a user in this container. One that this
// process cannot see has no process id here: it is in another container of the pod.
func admits(peer *unix.Ucred, uid int) error {
	switch {
	case int64(peer.Uid) != int64(uid):
		return fmt.Errorf("it is of the user %d, not %d", peer.Uid, uid)
	case peer.Pid <= 0:
		return errors.New("it is in another container")
	}
	return nil
}
