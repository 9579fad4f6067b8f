// SPDX-License-Identifier: Apache-2.0

package lab

import (
	"fmt"
	"net"

	"github.com/nats-io/nats-server/v2/server"
)

// natsURL is that of the embedded server; nobody looks at it.
const natsURL = "nats://127.0.0.1:4222"

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
