// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// natsURL is that of the embedded server; nobody looks at it.
	natsURL = "nats://127.0.0.1:4222"
	// natsMaxPayload is enough for the largest message that a manifest can allow, with what a
	// gateway adds.
	natsMaxPayload  = 65 << 20
	natsReadyWithin = 10 * time.Second
)

// startNATS starts a server without a port. It stores in a folder, unless that is empty.
func startNATS(storeDir string) (*server.Server, error) {
	s, err := server.NewServer(&server.Options{
		ServerName: "realtime-test",
		DontListen: true,
		MaxPayload: natsMaxPayload,
		MaxPending: 4 * natsMaxPayload,
		NoLog:      true,
		NoSigs:     true,
		JetStream:  storeDir != "",
		StoreDir:   storeDir,
	})
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(natsReadyWithin) {
		s.Shutdown()
		return nil, errors.New("start NATS: it is not ready in time")
	}
	return s, nil
}

// wayToNATS is how one gateway reaches NATS.
type wayToNATS struct {
	network
	server *server.Server
}

// Dial makes a connection, in place of TCP.
func (w *wayToNATS) Dial(string, string) (net.Conn, error) {
	conn, err := w.server.InProcessConn()
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	return w.connect(conn, here)
}
