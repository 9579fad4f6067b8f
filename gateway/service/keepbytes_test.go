// SPDX-License-Identifier: Apache-2.0

package service

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realtime-operator/realtime-operator/gateway/internal/documenttest"
	"github.com/realtime-operator/realtime-operator/gateway/service/celvalue"
	"github.com/realtime-operator/realtime-operator/gateway/service/document"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestHistoryKeepsBytes(t *testing.T) {
	for seed := range uint64(200) {
		d := documenttest.New(seed, seed%2 == 1)
		want, attachments := documenttest.Relayed(d.Raw())
		page, err := celvalue.Encode(historyPage("room", []socketio.PastEvent{{Event: "e", Args: d.Args(), Revision: 1, Time: time.UnixMilli(0)}}, 10), nil)
		if err != nil {
			t.Fatal(err)
		}
		want = `{"events":[{"args":` + want + `,"event":"e","revision":1,"time":"1970-01-01T00:00:00.000Z"}],"next":null,"room":"room"}`
		if string(page.JSON) != want {
			t.Fatalf("history is\n%s, want\n%s", page.JSON, want)
		}
		if diff := cmp.Diff(attachments, page.Attachments); diff != "" {
			t.Fatal(diff)
		}
	}
}

func TestPublishRequestsKeepBytes(t *testing.T) {
	for seed := range uint64(200) {
		d := documenttest.New(seed, false)
		p, err := document.Parse([]byte(`{"event":"e","args":`+d.Raw()+`}`), "/")
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, []byte(d.Raw())); err != nil {
			t.Fatal(err)
		}
		if string(p.Args.JSON) != want.String() {
			t.Fatalf("published are %s, want %s", p.Args.JSON, &want)
		}
	}
}
