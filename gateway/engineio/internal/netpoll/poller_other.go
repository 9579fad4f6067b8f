// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package netpoll

import (
	"errors"
	"net"
	"time"
)

// Poller takes no connections on this system.
type Poller struct{}

// Conn is a connection that a Poller reads: there is none on this system.
type Conn struct{}

// New makes a Poller.
func New() *Poller { return &Poller{} }

// Take fails with errors.ErrUnsupported. The connection stays as it was.
func (p *Poller) Take(net.Conn, []byte) (*Conn, error) { return nil, errors.ErrUnsupported }

// Start is never called.
func (c *Conn) Start(Handler) error { return errors.ErrUnsupported }

// Write is never called.
func (c *Conn) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }

// SetDeadline is never called.
func (c *Conn) SetDeadline(time.Time) error { return errors.ErrUnsupported }

// Close is never called.
func (c *Conn) Close() error { return errors.ErrUnsupported }
