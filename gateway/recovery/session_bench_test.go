// SPDX-License-Identifier: Apache-2.0

package recovery_test

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/sockettest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// BenchmarkJoins has ten clients that can be recovered join 400 rooms each, one after the other.
// B/join is what a join writes to the log, without headers.
func BenchmarkJoins(b *testing.B) {
	const clients, rooms = 10, 400
	ns := natstest.Start(b, &natsserver.Options{JetStream: true, StoreDir: b.TempDir()})
	c, err := cluster.Connect(cluster.Options{
		Service: "default/bench", URLs: []string{ns.ClientURL()},
		Recovery: &cluster.Recovery{MaxDisconnection: time.Minute, MaxMessages: 100, Detection: time.Second},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	options := socketio.Options{NewAdapter: c.NewAdapter, NewSocketID: c.NewSocketID, Recovery: &socketio.Recovery{}}
	options.Engine.Path = sockettest.Path
	io, err := socketio.NewServer(options)
	if err != nil {
		b.Fatal(err)
	}
	defer io.Close()
	sockets := make(chan *socketio.Socket, clients)
	io.OnConnection(func(s *socketio.Socket) { sockets <- s })
	hs := httptest.NewServer(io)
	defer hs.Close()
	if err := c.Log().AwaitReady(b.Context()); err != nil {
		b.Fatal(err)
	}
	var written atomic.Int64
	sub, err := c.Sessions().NATS().Subscribe(wire.LogRoot+wire.Token("default/bench")+".session.*", func(msg *nats.Msg) { written.Add(int64(len(msg.Data))) })
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	b.ResetTimer()
	for i := range b.N {
		b.StopTimer()
		var all [clients]*socketio.Socket
		for j := range all {
			wiretest.Connect(b, hs.URL, sockettest.Path, "/")
			all[j] = <-sockets
		}
		b.StartTimer()
		var joining sync.WaitGroup
		for j, s := range all {
			joining.Go(func() {
				for room := range rooms {
					s.Join(fmt.Sprintf("run %d client %d room %d", i, j, room))
				}
			})
		}
		joining.Wait()
	}
	b.StopTimer()
	if err := c.Sessions().NATS().Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(written.Load())/float64(b.N)/(clients*rooms), "B/join")
	b.ReportMetric(float64(written.Load())/float64(b.N)/1e6, "MB/op")
}
