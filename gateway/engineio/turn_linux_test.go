// SPDX-License-Identifier: Apache-2.0

package engineio_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/realtime-operator/realtime-operator/gateway/engineio"
	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/enginetest"
)

// segmentsIn is how many segments with data have come to a connection.
func segmentsIn(t *testing.T, conn net.Conn) int {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var info *unix.TCPInfo
	var infoErr error
	if err := raw.Control(func(fd uintptr) { info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }); err != nil || infoErr != nil {
		t.Fatal(err, infoErr)
	}
	return int(info.Data_segs_in)
}

// What is asked for at once is answered at once: a write for each answer would cost many times what
// the question did.
func TestAnswersToWhatCameTogetherGoOutTogether(t *testing.T) {
	const n = 500
	for name, test := range map[string]struct{ query, packet, answer string }{
		"messages":        {websocket, masked(0x81, "4x"), "\x81\x024x"},
		"websocket pings": {websocket, masked(0x89, "x"), "\x8a\x01x"},
		"pings of 2.x":    {"EIO=3&transport=websocket", masked(0x81, "2"), "\x81\x013"},
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t, with(func(c *engineio.Config) { c.AllowEIO3 = true }))
			raw := s.Connect()
			raw.Write(upgradeRequest(test.query))
			raw.Answer()
			before := segmentsIn(t, raw.Conn)
			raw.Write(strings.Repeat(test.packet, n))
			readAnswers(t, raw, strings.Repeat(test.answer, n))
			if got := segmentsIn(t, raw.Conn) - before; got > n/10 {
				t.Errorf("%d answers came in %d segments", n, got)
			}
		})
	}
}

// readAnswers reads until the answers have come, behind the open packet.
func readAnswers(t testing.TB, raw *enginetest.Raw, want string) {
	t.Helper()
	var got strings.Builder
	for !strings.HasSuffix(got.String(), want) {
		b, err := raw.Reader.ReadByte()
		if err != nil {
			t.Fatalf("%v behind %d bytes of %d", err, got.Len(), len(want))
		}
		got.WriteByte(b)
	}
}

func TestAnswersGoOutBeforeWhatEndsTheSession(t *testing.T) {
	for name, end := range map[string]string{
		"close frame":       masked(0x88, "\x03\xe8"),
		"close packet":      masked(0x81, "1"),
		"ping of a client":  masked(0x81, "2"),
		"packet of no type": masked(0x81, "x"),
		"broken frame":      masked(0xf1, ""),
	} {
		t.Run(name, func(t *testing.T) {
			s := enginetest.Start(t)
			raw := s.Connect()
			raw.Write(upgradeRequest(websocket))
			raw.Answer()
			raw.Write(masked(0x81, "4a") + masked(0x81, "4b") + masked(0x81, "4c") + end)
			got, err := io.ReadAll(raw.Reader)
			if err != nil {
				t.Fatal(err)
			}
			if answers := "\x81\x024a\x81\x024b\x81\x024c"; !strings.Contains(string(got), answers) {
				t.Errorf("%q lacks %q", got, answers)
			}
		})
	}
}

// echoer keeps nothing.
type echoer struct{ *engineio.Session }

func (e echoer) OnMessage(data []byte, _ bool)       { _ = e.Send(engineio.NewText(data)) }
func (e echoer) OnClose(engineio.CloseReason, error) {}

// BenchmarkFlood is what a client costs that sends as much as it can.
func BenchmarkFlood(b *testing.B) {
	const n = 1000
	for name, test := range map[string]struct{ packet, answer string }{
		"messages": {masked(0x81, "4x"), "\x81\x024x"},
		"pings":    {masked(0x89, "x"), "\x8a\x01x"},
		"pongs":    {masked(0x81, "3"), ""},
	} {
		b.Run(name, func(b *testing.B) {
			s := enginetest.Start(b, with(func(c *engineio.Config) {
				c.OnSession = func(s *engineio.Session) engineio.Handler { return echoer{s} }
			}))
			raw := s.Connect()
			raw.Write(upgradeRequest(websocket))
			raw.Answer()
			flood := strings.Repeat(test.packet, n) + masked(0x81, "4y")
			answers := make([]byte, n*len(test.answer)+len("\x81\x024y"))
			readAnswers(b, raw, "}") // the open packet
			b.ResetTimer()
			for range b.N {
				raw.Write(flood)
				if _, err := io.ReadFull(raw.Reader, answers); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(n+1)), "ns/packet")
		})
	}
}
