// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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
	nc, err := nats.Connect(startJetStream(t).ClientURL())
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
