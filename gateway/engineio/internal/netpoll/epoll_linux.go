// SPDX-License-Identifier: Apache-2.0

package netpoll

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// epoll is an epoll instance for which Go's poller waits.
type epoll struct {
	file *os.File
	raw  syscall.RawConn
	// ask asks for events; glance does so without waiting. They are made once, so that neither
	// allocates; only one goroutine asks.
	ask    func(fd uintptr) bool
	glance func(fd uintptr)
	// The result of both.
	reported [eventsAtOnce]unix.EpollEvent
	n        int
}

func openEpoll() (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or Go's poller does not accept it
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e := &epoll{file: os.NewFile(uintptr(fd), "epoll")}
	if e.raw, err = e.file.SyscallConn(); err != nil {
		_ = e.file.Close()
		return nil, fmt.Errorf("open epoll: %w", err)
	}
	e.ask = e.report
	e.glance = func(fd uintptr) { e.report(fd) }
	return e, nil
}

// add makes epoll report the events of a socket until it is closed.
func (e *epoll) add(fd int) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(fd)}
	var err error
	closed := e.raw.Control(func(epoll uintptr) { err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, fd, &event) })
	if err = errors.Join(closed, err); err != nil {
		return fmt.Errorf("add a socket to epoll: %w", err)
	}
	return nil
}

// events returns the number of reported events. With wait it is at least one, or 0 after awake or
// close. The events are in reported.
func (e *epoll) events(wait bool) int {
	e.n = 0
	if !wait {
		_ = e.raw.Control(e.glance) // fails if closed
		return e.n
	}
	err := e.raw.Read(e.ask)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = e.file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		return 0
	}
	return e.n
}

// awake ends the current or the next wait. It makes no system call.
func (e *epoll) awake() { _ = e.file.SetReadDeadline(time.Unix(1, 0)) }

func (e *epoll) report(fd uintptr) bool {
	for {
		n, err := unix.EpollWait(int(fd), e.reported[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		e.n = max(n, 0)
		return n != 0 // an error ends the waiting, too
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
