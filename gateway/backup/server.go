// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/natsconn"
)

// connectTimeout bounds the wait for a connection to NATS.
const connectTimeout = 30 * time.Second

// Server is the NATS of a service.
type Server struct {
	// Service is "NAMESPACE/NAME".
	Service string
	// URLs are the addresses of the servers; those that the operator runs for the service if empty.
	URLs []string
	// CredentialsDir has the credentials for them, as gateways have them.
	CredentialsDir string
	Log            *slog.Logger
}

// Write connects, and writes a backup; see the function Write.
func (s Server) Write(ctx context.Context, to io.Writer) (summary Summary, err error) {
	err = s.with(ctx, func(nc *nats.Conn) error {
		summary, err = Write(ctx, nc, s.Service, to, time.Now())
		return err
	})
	return summary, err
}

// Restore connects, and brings a backup back; see the function Restore.
func (s Server) Restore(ctx context.Context, from io.ReadSeeker, o RestoreOptions) (summary Summary, err error) {
	o.Service = s.Service
	err = s.with(ctx, func(nc *nats.Conn) error {
		summary, err = Restore(ctx, nc, from, o)
		return err
	})
	return summary, err
}

// with calls a function with a connection.
func (s Server) with(ctx context.Context, f func(*nats.Conn) error) error {
	if len(s.URLs) == 0 {
		namespace, name, _ := strings.Cut(s.Service, "/")
		s.URLs = []string{fmt.Sprintf("tls://%s-nats.%s.svc:4222", name, namespace)}
	}
	conn := natsconn.New(natsconn.Options{Name: "backup " + s.Service, URLs: s.URLs, CredentialsDir: s.CredentialsDir, Log: s.Log})
	if err := conn.Connect(); err != nil {
		return err
	}
	defer conn.Close()
	if !conn.Connected() {
		select {
		case <-conn.Up():
		case <-conn.Ended():
			return errors.New("connect to NATS: " + conn.Problem())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(connectTimeout):
			return fmt.Errorf("connect to NATS, for %s: %s", connectTimeout, conn.Problem())
		}
	}
	return f(conn.NATS())
}
