// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// epoll is an epoll instance that is itself waited for by Go's poller.
type epoll struct {
	file *os.File
	raw  syscall.RawConn
	// ask asks for events. It is made once, so that waiting allocates nothing; only one goroutine waits.
	ask func(fd uintptr) bool
	// The operands of ask.
	reported []unix.EpollEvent
	n        int
}

func openEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or Go's poller does not take it
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e := &epoll{file: os.NewFile(uintptr(fd), "epoll")}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		_ = e.file.Close()
		return nil, fmt.Errorf("open epoll: %w", err)
	}
	e.ask = e.events
	return e, nil
}

// add has events of a socket reported, from now on and until it is closed.
func (e *epoll) add(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)}
	var err error
	closed := e.raw.Control(func(epoll uintptr) { err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &event) })
	if err = errors.Join(closed, err); err != nil {
		return fmt.Errorf("add a socket to epoll: %w", err)
	}
	return nil
}

// wait returns how many events are reported: at least one, or 0 when it has been closed.
func (e *epoll) wait(reported []unix.EpollEvent) int {
	e.reported = reported
	if err := e.raw.Read(e.ask); err != nil {
		return 0
	}
	return e.n
}

func (e *epoll) events(fd uintptr) bool {
	for {
		n, err := unix.EpollWait(int(fd), e.reported, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		e.n = max(n, 0)
		return n != 0 // an error too ends the waiting
	}
}

func (e *epoll) close() { _ = e.file.Close() }

func eventsOf(bits uint32) events {
	var e events
	if bits&unix.EPOLLIN != 0 {
		e |= readable
	}
	if bits&unix.EPOLLOUT != 0 {
		e |= writable
	}
	if bits&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		e |= hungUp
	}
	return e
}
