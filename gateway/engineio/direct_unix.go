// SPDX-License-Identifier: Apache-2.0

//go:build unix

package engineio

import (
	"errors"
	"syscall"
)

// direct writes to a socket of the kernel's without ever waiting for it.
type direct struct {
	raw syscall.RawConn
	// The operands of call, which is made once, so that a write allocates nothing. The session's lock guards them.
	data []byte
	n    int
	err  error
	call func(fd uintptr)
}

// newDirect is nil for a connection with something between us and the socket, such as TLS.
func newDirect(conn any) *direct {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.call = d.syscall
	return d
}

// write takes as many bytes as the socket has room for, perhaps none. One caller at a time.
//
// It goes by Control rather than by Write of the RawConn: that would wait for others who write.
func (d *direct) write(data []byte) (int, error) {
	d.data, d.n, d.err = data, 0, nil
	err := d.raw.Control(d.call)
	d.data = nil
	if err != nil {
		return 0, err
	}
	return d.n, d.err
}

func (d *direct) syscall(fd uintptr) {
	for len(d.data) > 0 {
		n, err := syscall.Write(int(fd), d.data)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return
		case err != nil:
			d.err = err
			return
		}
		d.n += n
		d.data = d.data[n:]
	}
}
