// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wire"
)

const service = "ns/chat"

// store is a NATS with a stream of the service.
type store struct {
	*nats.Conn
	jetstream.JetStream
}

func newStore(t *testing.T, messages int) store {
	t.Helper()
	nc := natstest.Connect(t, natstest.StartJetStream(t).ClientURL())
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if messages == 0 {
		return store{nc, js}
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: eventlog.StreamName(service), Subjects: []string{"log.>"}}); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 100<<10) // that cannot be compressed, so that there are several parts
	for i := range messages {
		_, _ = rand.Read(noise) // it does not fail
		if _, err := js.Publish(t.Context(), fmt.Sprintf("log.%d", i), noise); err != nil {
			t.Fatal(err)
		}
	}
	return store{nc, js}
}

func (s store) state(t *testing.T) jetstream.StreamState {
	t.Helper()
	stream, err := s.Stream(t.Context(), eventlog.StreamName(service))
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return jetstream.StreamState{}
	}
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo().State
}

func backedUp(t *testing.T, s store) []byte {
	t.Helper()
	var file bytes.Buffer
	if _, err := Write(t.Context(), s.Conn, service, &file, time.Now()); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func (s store) restore(ctx context.Context, file []byte, o RestoreOptions) error {
	if o.Service == "" {
		o.Service = service
	}
	_, err := Restore(ctx, s.Conn, bytes.NewReader(file), o)
	return err
}

func TestWhatIsRestoredIsWhatWasThere(t *testing.T) {
	natstest.CheckNothingIsLeft(t)
	before := newStore(t, 40)
	file := backedUp(t, before)
	summary, err := Verify(bytes.NewReader(file))
	if err != nil || len(summary.Streams) != 1 || summary.Streams[0].Messages != 40 || summary.Streams[0].Bytes < 3<<20 {
		t.Fatalf("%+v, %v", summary, err)
	}
	after := newStore(t, 0)
	if err := after.restore(t.Context(), file, RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	want, got := before.state(t), after.state(t)
	if want.Msgs != got.Msgs || want.FirstSeq != got.FirstSeq || want.LastSeq != got.LastSeq || !want.LastTime.Equal(got.LastTime) {
		t.Errorf("there is %+v, and was %+v", got, want)
	}
}

func TestDamagedBackupsAreRefusedBeforeAnythingChanges(t *testing.T) {
	natstest.CheckNothingIsLeft(t)
	s := newStore(t, 12)
	file, before := backedUp(t, s), s.state(t)
	flipped := bytes.Clone(file)
	flipped[len(flipped)/2] ^= 1
	for name, bad := range map[string][]byte{
		"empty":                    nil,
		"no archive":               []byte("hello"),
		"cut short":                file[:len(file)/2],
		"without its last entry":   without(t, file, completeName),
		"without a part":           without(t, file, fmt.Sprintf(partName, eventlog.StreamName(service), 1)),
		"a bit is another one":     flipped,
		"of a format yet to come":  edited(t, file, headName, `{"format":2}`),
		"of another stream's name": edited(t, file, headName, `{"format":1,"service":"ns/other"}`),
	} {
		err := s.restore(t.Context(), bad, RestoreOptions{Replace: true})
		if err == nil || !strings.HasPrefix(err.Error(), "nothing was changed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.restore(t.Context(), file, RestoreOptions{Service: "ns/other", Replace: true}); err == nil || !strings.Contains(err.Error(), "is of service ns/chat") {
		t.Errorf("of another service: %v", err)
	}
	if after := s.state(t); after.Msgs != before.Msgs || after.LastSeq != before.LastSeq {
		t.Errorf("there is %+v, and was %+v", after, before)
	}
}

func TestOnlyAnEmptyNATSThatNobodyUsesIsRestored(t *testing.T) {
	natstest.CheckNothingIsLeft(t)
	s := newStore(t, 3)
	file := backedUp(t, s)
	if err := s.restore(t.Context(), file, RestoreOptions{}); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("one that is not empty: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	live := make(chan struct{})
	go func() { // a gateway's signs of life
		defer close(live)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil {
			_ = s.Publish1(wire.LiveRoot + wire.Token(service) + ".census")
			<-tick.C
		}
	}()
	if err := s.restore(t.Context(), file, RestoreOptions{Replace: true}); !errors.Is(err, ErrInUse) {
		t.Errorf("one that gateways use: %v", err)
	}
	cancel()
	<-live
	if err := s.restore(t.Context(), file, RestoreOptions{Replace: true}); err != nil {
		t.Errorf("one that may be replaced: %v", err)
	}
}

// Publish1 publishes by core NATS.
func (s store) Publish1(subject string) error { return s.Conn.Publish(subject, nil) }

func TestNothingIsBackedUpOfNothing(t *testing.T) {
	natstest.CheckNothingIsLeft(t)
	s := newStore(t, 0)
	if _, err := Write(t.Context(), s.Conn, service, io.Discard, time.Now()); !isNotFound(err) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("%v", err)
	}
}

func TestAFullDiskEndsABackup(t *testing.T) {
	natstest.CheckNothingIsLeft(t)
	s := newStore(t, 12)
	full := errors.New("no space")
	if _, err := Write(t.Context(), s.Conn, service, fullDisk{full}, time.Now()); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }

// without leaves an entry out.
func without(t *testing.T, file []byte, name string) []byte {
	t.Helper()
	return rewritten(t, file, func(h *tar.Header, data []byte) []byte {
		if h.Name == name {
			return nil
		}
		return data
	})
}

// edited has an entry with another content.
func edited(t *testing.T, file []byte, name, content string) []byte {
	t.Helper()
	return rewritten(t, file, func(h *tar.Header, data []byte) []byte {
		if h.Name == name {
			return []byte(content)
		}
		return data
	})
}

func rewritten(t *testing.T, file []byte, edit func(*tar.Header, []byte) []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(file)), tar.NewWriter(&out)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if data = edit(h, data); data == nil {
			continue
		}
		if err := writeEntry(w, h.Name, time.Now(), data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
