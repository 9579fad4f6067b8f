// SPDX-License-Identifier: Apache-2.0

//go:build linux

package netpoll_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/realtime-operator/realtime-operator/gateway/engineio/internal/netpoll"
)

const patience = 20 * time.Second

// pair is a connection over TCP.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	client.SetDeadline(time.Now().Add(patience))
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// recorder is a handler that keeps what it gets, and calls functions.
type recorder struct {
	conn     *netpoll.Conn
	received func([]byte)
	writable func()
	ended    chan error
	// keep leaves the connection open when it has ended.
	keep atomic.Bool
}

func (r *recorder) Received(data []byte)     { r.received(data) }
func (r *recorder) Handle() netpoll.Progress { return netpoll.Done }
func (r *recorder) HandOn(bool) bool         { return false }
func (r *recorder) Writable()                { r.writable() }
func (r *recorder) Panicked(value any)       { r.Ended(fmt.Errorf("panicked: %v", value)) }
func (r *recorder) Ended(err error) {
	if !r.keep.Load() {
		r.conn.Close()
	}
	r.ended <- err
}

// start has a poller read the connection, into what is returned.
func start(t *testing.T, p *netpoll.Poller, server net.Conn, early string, set ...func(*recorder)) (*recorder, chan string) {
	t.Helper()
	conn, err := p.Take(server, []byte(early))
	if err != nil {
		t.Fatal(err)
	}
	data := make(chan string, 1000)
	r := &recorder{conn: conn, ended: make(chan error, 10), received: func(b []byte) { data <- string(b) }, writable: func() {}}
	for _, f := range set {
		f(r)
	}
	if err := conn.Start(r); err != nil {
		t.Fatal(err)
	}
	return r, data
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func TestBytesComeInOrderAndThenTheEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	client, server := pair(t)
	r, data := start(t, netpoll.New(nil), server, "early ")
	if got := receive(t, data); got != "early " {
		t.Errorf("received %q", got)
	}
	// The end comes together with the last bytes.
	if _, err := client.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := receive(t, r.ended); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
	if got := receive(t, data); got != "last" {
		t.Errorf("received %q", got)
	}
	if _, err := r.conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("write after the close: %v", err)
	}
}

func TestMoreThanABuffer(t *testing.T) {
	defer goleak.VerifyNone(t)
	client, server := pair(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	var got []byte
	conn, err := netpoll.New(nil).Take(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{conn: conn, ended: make(chan error, 10), received: func(b []byte) { got = append(got, b...) }}
	if err := conn.Start(r); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write(sent); err != nil {
		t.Fatal(err)
	}
	client.Close()
	if err := receive(t, r.ended); !errors.Is(err, io.EOF) {
		t.Errorf("ended with %v", err)
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("received %d bytes, not those that were sent", len(got))
	}
}

func TestWriteTakesWhatThereIsRoomForAndGoesOnWhenThereIsMore(t *testing.T) {
	defer goleak.VerifyNone(t)
	client, server := pair(t)
	left := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	want := len(left)
	var mu sync.Mutex
	write := func(conn *netpoll.Conn) error {
		mu.Lock()
		defer mu.Unlock()
		n, err := conn.Write(left)
		left = left[n:]
		return err
	}
	r, _ := start(t, netpoll.New(nil), server, "", func(r *recorder) {
		r.writable = func() { _ = write(r.conn) }
	})
	if err := write(r.conn); !errors.Is(err, io.ErrShortWrite) {
		t.Fatalf("16 MiB fit: %v", err)
	}
	if n, err := io.CopyN(io.Discard, client, int64(want)); err != nil {
		t.Errorf("read %d bytes of %d: %v", n, want, err)
	}
	client.Close()
	receive(t, r.ended)
}

func TestDeadline(t *testing.T) {
	defer goleak.VerifyNone(t)
	_, server := pair(t)
	conn, err := netpoll.New(nil).Take(server, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{conn: conn, ended: make(chan error, 10)}
	r.keep.Store(true)
	conn.SetDeadline(time.Unix(1, 0)) // before it is read
	if err := conn.Start(r); err != nil {
		t.Fatal(err)
	}
	for _, next := range []time.Time{time.Unix(1, 0), time.Now().Add(time.Millisecond), {}} {
		if err := receive(t, r.ended); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
		conn.SetDeadline(next)
	}
	conn.SetDeadline(time.Now().Add(time.Hour))
	r.keep.Store(false)
	conn.SetDeadline(time.Unix(1, 0))
	receive(t, r.ended)
}

// waitingHandlers are connections whose handlers are called, and wait until release is closed.
func waitingHandlers(t *testing.T, p *netpoll.Poller, n int) (all []*recorder, release chan struct{}) {
	t.Helper()
	release = make(chan struct{})
	entered := make(chan struct{}, n)
	for range n {
		client, server := pair(t)
		r, _ := start(t, p, server, "", func(r *recorder) {
			r.received = func([]byte) {
				entered <- struct{}{}
				<-release
			}
		})
		all = append(all, r)
		if _, err := client.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	for range n {
		receive(t, entered)
	}
	return all, release
}

// Handlers that wait do not hold up others, however many they are.
func TestHandlersMayWait(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	ends, release := waitingHandlers(t, p, 50)
	client, server := pair(t)
	r, data := start(t, p, server, "")
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, data); got != "hello" {
		t.Errorf("received %q", got)
	}
	r.conn.SetDeadline(time.Unix(1, 0))
	receive(t, r.ended)
	close(release)
	for _, end := range ends {
		end.conn.SetDeadline(time.Unix(1, 0))
		receive(t, end.ended)
	}
}

// task is a function.
type task func()

func (t task) Do() { t() }

func TestTasks(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	do := func(what string) {
		t.Helper()
		const some = 1000
		done := make(chan int, some)
		q := p.Queue()
		for i := range some {
			q.Add(task(func() { done <- i }))
		}
		for i := range some {
			if got := receive(t, done); got != i {
				t.Fatalf("%s: task %d is done, want %d", what, got, i)
			}
		}
	}
	do("without connections")
	client, server := pair(t)
	r, _ := start(t, p, server, "", func(r *recorder) { r.received = func([]byte) {} })
	do("with an idle connection")
	flood := make(chan struct{})
	go func() {
		defer close(flood)
		data := make([]byte, 1<<20)
		for {
			if _, err := client.Write(data); err != nil {
				return
			}
		}
	}()
	do("with a connection that sends without an end")
	r.conn.SetDeadline(time.Unix(1, 0))
	receive(t, r.ended)
	<-flood
	do("when the connection is gone")
}

// Connections do not wait long for others' handlers, however short each is: there comes a second
// worker.
func TestManyHandlersThatTakeTheirTime(t *testing.T) {
	defer goleak.VerifyNone(t)
	p := netpoll.New(nil)
	var now atomic.Int32
	together := make(chan struct{}, 1)
	var clients []net.Conn
	var ends []*recorder
	for range 100 {
		client, server := pair(t)
		r, _ := start(t, p, server, "", func(r *recorder) {
			r.received = func([]byte) {
				defer now.Add(-1)
				now.Add(1)
				// Too short for who looks for handlers that wait.
				for begin := time.Now(); time.Since(begin) < 200*time.Microsecond; runtime.Gosched() {
					if now.Load() > 1 {
						select {
						case together <- struct{}{}:
						default:
						}
					}
				}
			}
		})
		clients, ends = append(clients, client), append(ends, r)
	}
	for served, begin := false, time.Now(); !served; {
		if time.Since(begin) > patience {
			t.Fatal("one handler came after the other")
		}
		for _, c := range clients {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		select {
		case <-together:
			served = true
		default:
		}
	}
	for _, r := range ends {
		r.conn.SetDeadline(time.Unix(1, 0))
		receive(t, r.ended)
	}
}

// behindHeader is a connection of which a header has been read.
type behindHeader struct {
	net.Conn
	plain net.Conn
}

func (c *behindHeader) Plain() net.Conn { return c.plain }

func TestTheSocketBehindAHeaderIsTaken(t *testing.T) {
	client, server := pair(t)
	r, data := start(t, netpoll.New(nil), &behindHeader{plain: server}, "")
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, data); got != "hello" {
		t.Errorf("received %q", got)
	}
	client.Close()
	receive(t, r.ended)
}

func TestWhatIsNoSocketIsNotTaken(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if _, err := netpoll.New(nil).Take(server, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("took a pipe: %v", err)
	}
}
