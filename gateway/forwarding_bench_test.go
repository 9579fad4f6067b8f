// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

// BenchmarkForwardedWebSocket compares a websocket at its session's own gateway with one at
// another: docs/decisions/0009. Client, gateways and NATS are one process, whose CPU time counts.
func BenchmarkForwardedWebSocket(b *testing.B) {
	for at, name := range []string{"direct", "forwarded"} {
		b.Run("echo/"+name, func(b *testing.B) {
			c := upgraded(b, at)
			measured(b, func() {
				for range b.N {
					c.Send(`42["say","hello"]`)
					c.Expect(`42["said","hello"]`)
				}
			})
		})
		b.Run("10000/"+name, func(b *testing.B) {
			const messages = 10_000
			c := upgraded(b, at)
			text := strings.Repeat("x", 100)
			measured(b, func() {
				for range b.N {
					go func() {
						for range messages {
							c.Send(`42["say","` + text + `"]`)
						}
					}()
					for range messages {
						c.Expect(`42["said","` + text + `"]`)
					}
				}
			})
			b.ReportMetric(messages*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
		b.Run("poll/"+name, func(b *testing.B) {
			g := group(b, 2, "{}")
			sid := g[0].open(b)
			g[at].ask(b, "POST", sid, "40").want(b, 200, "ok")
			g[at].ask(b, "GET", sid, "").want(b, 200, "40")
			measured(b, func() {
				for range b.N {
					g[at].ask(b, "POST", sid, `42["say",1]`).want(b, 200, "ok")
					g[at].ask(b, "GET", sid, "").want(b, 200, `42["said",1]`)
				}
			})
		})
		b.Run("memory/"+name, func(b *testing.B) {
			const many = 500
			for range b.N {
				g := group(b, 2, "{}")
				before := heap()
				for range many {
					upgradeThrough(b, g, at)
				}
				b.ReportMetric(float64(heap()-before)/many/1024, "KiB/websocket")
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// upgraded is a client whose session is at one gateway, and its websocket there or at another.
func upgraded(b *testing.B, at int) *wiretest.Client { return upgradeThrough(b, group(b, 2, "{}"), at) }

func upgradeThrough(b *testing.B, g []*member, at int) *wiretest.Client {
	b.Helper()
	sid := g[0].open(b)
	g[0].ask(b, "POST", sid, "40").want(b, 200, "ok")
	g[0].ask(b, "GET", sid, "").want(b, 200, "40")
	c := wiretest.Upgrade(b, g[at].url, enginePath, sid)
	c.Send("2probe")
	c.Expect("3probe")
	c.Send("5")
	return c
}

// measured reports the process's CPU time beside the benchmark's own figures.
func measured(b *testing.B, run func()) {
	b.Helper()
	b.ResetTimer()
	before := cpu(b)
	run()
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
	b.StopTimer()
}

func cpu(b *testing.B) time.Duration {
	b.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(fmt.Errorf("read the CPU time: %w", err))
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
