// SPDX-License-Identifier: Apache-2.0

package admin

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

func TestAProcessWithoutAnIDIsOfAnotherContainer(t *testing.T) {
	if err := admits(&unix.Ucred{Pid: 0, Uid: 7}, 7); err == nil {
		t.Error("it is admitted")
	}
	if err := admits(&unix.Ucred{Pid: 12, Uid: 7}, 7); err != nil {
		t.Error(err)
	}
}

func TestPartsOfPackets(t *testing.T) {
	for text, want := range map[string]string{
		`2["e",1]`:     `e [1]`,
		`2/a[1],["e"]`: `e []`,
		`51-/a,["e",{"_placeholder":true,"num":0}]`: `e [{"_placeholder":true,"num":0}]`,
		`2{}`: ` `,
	} {
		namespace := "/"
		switch text[:3] {
		case "2/a":
			namespace = "/a[1]"
		case "51-":
			namespace = "/a"
		}
		name, args := parts(namespace, &socketio.Delivery{Text: []byte(text)})
		if diff := cmp.Diff(want, name+" "+string(args)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	// {"type":2,"data":["e",1]} in msgpack.
	packed := []byte("\x82\xa4type\x02\xa4data\x92\xa1e\x01")
	if name, args := parts("/", &socketio.Delivery{Attachments: [][]byte{packed}}); name != "e" || string(args) != "[1]" {
		t.Errorf("of msgpack: %s %s", name, args)
	}
}
