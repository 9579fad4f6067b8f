// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"encoding/json"
	"slices"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func TestAnswersOfJetStreamAreRead(t *testing.T) {
	for data, want := range map[string]pubAck{
		`{"stream":"RTS_x","seq":18446744073709551615}`:                 {Sequence: 1<<64 - 1},
		`{"stream":"RTS_x","domain":"hub","seq":7}`:                     {Sequence: 7},
		`{"stream":"RTS_x", "seq": 7, "domain":"hub"}`:                  {Sequence: 7},
		`{"stream":"RTS_x","seq":7,"duplicate": true}`:                  {Sequence: 7, Duplicate: true},
		`{"stream":"\"seq\":1}","seq":7}`:                               {Sequence: 7},
		`{"seq":7}`:                                                     {Sequence: 7},
		`{"stream":"RTS_x","seq":0,"later":{"seq":9},"duplicate":true}`: {Duplicate: true},
	} {
		if got, err := decodePubAck([]byte(data)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", data, got, err)
		}
	}
	refused := `{"error":{"code":400,"err_code":10054,"description":"too large"},"stream":"RTS_x","seq":0}`
	if got, err := decodePubAck([]byte(refused)); err != nil || got.Error == nil || got.Error.ErrCode != codeMessageTooLarge {
		t.Errorf("%s: %+v, %v", refused, got, err)
	}
	for _, data := range []string{"", "{", `{"stream":"RTS_x","seq":7`, `{"stream":"RTS_x","seq":}`, `{"stream":"RTS_x","seq":-1}`} {
		if got, err := decodePubAck([]byte(data)); err == nil {
			t.Errorf("%q is read as %+v", data, got)
		}
	}
}

// The fast path is for what a real server writes.
func TestTheUsualAnswerNeedsNoDecoder(t *testing.T) {
	nc, err := nats.Connect(natstest.Start(t, &natsserver.Options{JetStream: true, StoreDir: t.TempDir()}).ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}}); err != nil {
		t.Fatal(err)
	}
	answer, err := nc.RequestWithContext(t.Context(), "s", []byte("stored"))
	if err != nil {
		t.Fatal(err)
	}
	if sequence, ok := storedSequence(answer.Data); !ok || sequence != 1 {
		t.Errorf("%s: %d, %t", answer.Data, sequence, ok)
	}
}

func BenchmarkPubAck(b *testing.B) {
	data := []byte(`{"stream":"RTS_tZGVmYXVsdC9jaGF0","seq":123456}`)
	for b.Loop() {
		if ack, err := decodePubAck(data); err != nil || ack.Sequence != 123456 {
			b.Fatal(ack, err)
		}
	}
}

// Most acknowledgements are read without decoding their JSON.
func FuzzPubAck(f *testing.F) {
	f.Add("RTS_x", uint64(7), []byte(`{"error":{"code":503},"stream":"","seq":0}`))
	f.Add(`"seq":1}`, uint64(1), []byte(`{"stream":"x","seq":1,"duplicate":true}`))
	f.Fuzz(func(t *testing.T, stream string, number uint64, data []byte) {
		_, _ = decodePubAck(data)
		name, err := json.Marshal(stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, more := range []string{"", `,"duplicate":true`} {
			text, err := json.Marshal(number)
			if err != nil {
				t.Fatal(err)
			}
			ack, err := decodePubAck(slices.Concat([]byte(`{"stream":`), name, []byte(`,"seq":`), text, []byte(more+"}")))
			if err != nil || ack.Sequence != number || ack.Duplicate != (more != "") {
				t.Errorf("%d in %s is read as %+v: %v", number, name, ack, err)
			}
		}
	})
}
