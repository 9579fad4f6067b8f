// SPDX-License-Identifier: Apache-2.0

package eval

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// nested is an event of about size bytes, depth levels deep, with an attachment within.
func nested(depth, size int) socketio.Args {
	open, end := strings.Repeat(`{"a":[`, depth/2), strings.Repeat(`]}`, depth/2)
	text := strings.Repeat("x", max(size-len(open)-len(end), 0))
	return socketio.Args{
		JSON:        []byte(`[` + open + `{"_placeholder":true,"num":0},"` + text + `"` + end + `]`),
		Attachments: [][]byte{{1}},
	}
}

// An event with an attachment is relayed in one pass. A pass for each level would show in what it
// allocates.
func TestRelayingLooksAtNoByteTwice(t *testing.T) {
	for _, source := range []string{"args", "[args[0]]", "[{'v': args[0]}]", "[args[0]].map(x, x)"} {
		list, err := CompileTemplate(source)
		if err != nil {
			t.Fatal(err)
		}
		allocations := func(depth int) float64 {
			event := nested(depth, 1<<16)
			return testing.AllocsPerRun(10, func() {
				if _, err := (&Variables{Args: event}).List(list); err != nil {
					t.Fatal(err)
				}
			})
		}
		const more = 30 // for the stacks of open brackets, which double when they are full
		if flat, deep := allocations(4), allocations(500); deep > flat+more {
			t.Errorf("%s allocates %v times for a flat event, %v for a deep one", source, flat, deep)
		}
	}
}

// BenchmarkRelayWithAttachment takes as long for a byte at any depth.
func BenchmarkRelayWithAttachment(b *testing.B) {
	list, err := CompileTemplate("[args[0]]")
	if err != nil {
		b.Fatal(err)
	}
	for _, depth := range []int{4, 32, 256, 500} {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			event := nested(depth, 1<<20)
			b.SetBytes(int64(len(event.JSON)))
			for b.Loop() {
				if _, err := (&Variables{Args: event}).List(list); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkChatMessage evaluates and encodes the arguments of the sample's newMessage.
func BenchmarkChatMessage(b *testing.B) {
	benchmarkList(b, "[{'username': args[0], 'message': args[1], 'timestamp': now}]")
}

// BenchmarkRelay passes arguments on as they are.
func BenchmarkRelay(b *testing.B) { benchmarkList(b, "args") }

func benchmarkList(b *testing.B, source string) {
	list, err := CompileTemplate(source)
	if err != nil {
		b.Fatal(err)
	}
	raw := []byte(`["Ada","hello, all of you out there"]`)
	b.ReportAllocs()
	for b.Loop() {
		r := &Variables{Args: socketio.Args{JSON: raw}, Now: time.Now()}
		if _, err := r.List(list); err != nil {
			b.Fatal(err)
		}
	}
}
