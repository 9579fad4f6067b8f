// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"strings"
	"testing"
)

// Where clients do not come back, too: the bound is one of memory.
func TestDataOfASocketAreBounded(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    handlers:
    - {event: set, do: [{set: {text: "args[0]"}}, {ack: "[size(socket.data.text)]"}]}
    - {event: more, do: [{set: {more: "args[0]"}}, {ack: "['set']"}]}
    - {event: show, do: [{ack: "[size(socket.data.text), has(socket.data.more)]"}]}
`)
	c := connect(t, url)
	const failed = `[{"error":"the service could not handle the event"}]`
	fits := 64<<10 - len(`{"text":{"json":""}}`)
	text := strings.Repeat("x", fits)
	c.Send(`420["set","` + text + `x"]`)
	c.Expect("430" + failed)
	c.Send(`421["set","` + text + `"]`)
	c.Expect(fmt.Sprintf("431[%d]", fits))
	c.Send(`422["more",1]`)
	c.Expect("432" + failed)
	c.Send(`423["show"]`)
	c.Expect(fmt.Sprintf("433[%d,false]", fits))
}
