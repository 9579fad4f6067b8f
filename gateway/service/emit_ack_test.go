// SPDX-License-Identifier: Apache-2.0

package service

import (
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// polls is a service whose clients ask one another.
const polls = `
  - name: /
    handlers:
    - {event: enter, do: [{join: "args[0]"}, {ack: "[]"}]}
    - event: me
      do:
      - emit: {to: socket, event: question, args: args, ack: {timeout: 1m}}
      - ack: "[answers, missing]"
    - event: all
      do:
      - emit: {event: question, args: args, ack: {timeout: 1m}}
      - ack: "[answers, missing]"
    - event: room
      do:
      - emit: {to: others, rooms: ["args[0]"], event: question, ack: {timeout: 1m}}
      - emit: {event: result, args: "[answers.map(a, a[0]), missing]"}
    - event: hurry
      do:
      - emit: {rooms: ["args[0]"], event: question, ack: {timeout: 100ms}}
      - ack: "[answers, missing]"
    - {event: keep, do: [{set: {it: "args[0]"}}, {ack: "['kept']"}]}
    - event: remember
      do:
      - set: {it: "'before'"}
      - emit: {to: socket, event: question, ack: {timeout: 1m}}
      - ack: "[socket.data.it]"
`

func TestAnswersOfTheSocketItself(t *testing.T) {
	_, url := runtime(t, polls)
	c := connect(t, url)
	c.Send(`427["me",1]`)
	c.Expect(`420["question",1]`)
	c.Send(`430["yes",{"b":1.0,"a":2}]`)
	c.Expect(`437[[["yes",{"b":1.0,"a":2}]],false]`)

	c.Send(`428["me"]`)
	c.Expect(`421["question"]`)
	c.Send(`431[]`)
	c.Expect(`438[[[]],false]`)

	c.Send(`429["me"]`)
	c.Expect(`422["question"]`)
	c.Send(`461-2[{"_placeholder":true,"num":0}]`)
	c.SendBinary([]byte{1, 2})
	c.Expect(`461-9[[[{"_placeholder":true,"num":0}]],false]`, "binary [1 2]")
}

func TestAHandlerThatWaitsHoldsUpNoOtherEvent(t *testing.T) {
	_, url := runtime(t, polls)
	c := connect(t, url)
	c.Send(`421["remember"]`)
	c.Expect(`420["question"]`)
	c.Send(`422["keep","meanwhile"]`)
	c.Expect(`432["kept"]`)
	c.Send(`430[]`)
	c.Expect(`431["meanwhile"]`)
}

func TestAnswersOfMany(t *testing.T) {
	_, url := runtime(t, polls)
	ada, bob, eve := connect(t, url), connect(t, url), connect(t, url)
	for _, c := range []*wiretest.Client{ada, bob} {
		c.Send(`42["enter","lobby"]`)
	}
	everybody := []*wiretest.Client{ada, bob, eve}

	ada.Send(`425["all","tea?"]`)
	for _, c := range everybody {
		c.Expect(`420["question","tea?"]`)
		c.Send(`430["yes"]`)
	}
	ada.Expect(`435[[["yes"],["yes"],["yes"]],false]`)

	eve.Send(`42["room","lobby"]`)
	for _, c := range []*wiretest.Client{ada, bob} {
		c.Expect(`421["question"]`)
		c.Send(`431[3]`)
	}
	for _, c := range everybody {
		c.Expect(`42["result",[3,3],false]`)
	}

	ada.Send(`42["room","nobody is here"]`)
	for _, c := range everybody {
		c.Expect(`42["result",[],false]`)
	}
}

func TestAnswersThatDoNotCome(t *testing.T) {
	_, url := runtime(t, polls)
	ada, bob := connect(t, url), connect(t, url)
	for _, c := range []*wiretest.Client{ada, bob} {
		c.Send(`420["enter","lobby"]`)
		c.Expect(`430[]`)
	}
	t.Run("in time", func(t *testing.T) {
		ada.Send(`421["hurry","lobby"]`)
		ada.Expect(`420["question"]`)
		bob.Expect(`420["question"]`)
		ada.Send(`430["me"]`)
		ada.Expect(`431[[["me"]],true]`)
		bob.Send(`430["too late"]`, `427["keep",1]`)
		bob.Expect(`437["kept"]`)
	})
	t.Run("since a client has gone", func(t *testing.T) {
		ada.Send(`42["room","lobby"]`)
		bob.Expect(`421["question"]`)
		bob.Close()
		ada.Expect(`42["result",[],true]`)
	})
}

// TestNobodyGoesOnForAClientThatHasGone lets the one that asks leave while its handler waits.
func TestNobodyGoesOnForAClientThatHasGone(t *testing.T) {
	r, url := runtime(t, polls)
	ada, bob := connect(t, url), connect(t, url)
	bob.Send(`420["enter","lobby"]`)
	bob.Expect(`430[]`)

	ada.Send(`42["room","lobby"]`)
	bob.Expect(`420["question"]`)
	ada.Send("41")
	ada.Join("/") // the old socket is gone
	bob.Send(`430[1]`, `421["keep",1]`)
	bob.Expect(`431["kept"]`)
	ada.Send(`422["keep",1]`)
	ada.Expect(`432["kept"]`)
	if n := testutil.ToFloat64(r.failures.WithLabelValues("/")); n != 0 {
		t.Errorf("%v handlers are said to have failed", n)
	}
}

// maxWaiting is how many handlers of a connection may wait for answers.
var maxWaiting = socketio.DefaultLimits().WaitingHandlers

func TestHandlersThatWaitAreBounded(t *testing.T) {
	_, url := runtime(t, polls)
	c := connect(t, url)
	for i := range maxWaiting {
		c.Send(fmt.Sprintf(`421%02d["me"]`, i))
		c.Expect(fmt.Sprintf(`42%d["question"]`, i))
	}
	c.Send(`4299["me"]`)
	c.Expect(`4399[{"error":"the service could not handle the event"}]`)
	c.Send(`430[]`)
	c.Expect(`43100[[[]],false]`)
	c.Send(`4298["me"]`)
	c.Expect(fmt.Sprintf(`42%d["question"]`, maxWaiting))
}

func TestHandlersThatWaitAreBoundedForAConnection(t *testing.T) {
	_, url := runtime(t, polls+"  - name: /other\n    handlers: [{event: me, do: [{emit: {to: socket, event: question, ack: {}}}, {ack: '[]'}]}]\n")
	c := connect(t, url)
	c.Join("/other")
	for i := range maxWaiting {
		c.Send(fmt.Sprintf(`42/other,1%02d["me"]`, i))
		c.Expect(fmt.Sprintf(`42/other,%d["question"]`, i))
	}
	c.Send(`4299["me"]`)
	c.Expect(`4399[{"error":"the service could not handle the event"}]`)
	c.Send(`43/other,0[]`)
	c.Expect(`43/other,100[]`)
	c.Send(`4298["me"]`)
	c.Expect(`420["question"]`)
}

func TestHandlersBehindOneThatWaits(t *testing.T) {
	_, url := runtime(t, `
  - name: /
    handlers:
    - event: connection
      do:
      - emit: {to: socket, event: who, ack: {}}
      - set: {name: "answers[0][0]"}
    - event: connection
      do: [{emit: {to: socket, event: welcome, args: "[socket.data.name]"}}]
    - event: e
      do:
      - emit: {to: socket, event: first, ack: {}}
      - emit: {to: socket, event: second, args: answers, ack: {}}
      - emit: {to: socket, event: third, args: answers}
      - ack: "[answers[0][7]]" # fails
    - event: e
      when: size(args) == 0
      do:
      - emit: {rooms: ["'nobody'"], event: f, ack: {}}
      - emit: {to: socket, event: fourth, args: "[answers, missing]"}
`)
	c := connect(t, url)
	c.Expect(`420["who"]`)
	c.Send(`430["Ada"]`)
	c.Expect(`42["welcome","Ada"]`)

	c.Send(`425["e"]`)
	c.Expect(`421["first"]`)
	c.Send(`431[1]`)
	c.Expect(`422["second",[1]]`)
	c.Send(`432[2]`)
	c.Expect(`42["third",[2]]`, `42["fourth",[],false]`, `435[{"error":"the service could not handle the event"}]`)
}

func TestAHandlerThatWaitsGoesOnAsItBegan(t *testing.T) {
	r, url := runtime(t, polls)
	c := connect(t, url)
	c.Send(`421["me"]`)
	c.Expect(`420["question"]`)
	r.Apply(program(t, "  - name: /\n"))
	c.Send(`430[1]`)
	c.Expect(`431[[[1]],false]`)
}

func TestAnswersAcrossGateways(t *testing.T) {
	urls := twoGateways(t, polls)
	ada, bob := connect(t, urls[0]), connect(t, urls[1])
	for _, c := range []*wiretest.Client{ada, bob} {
		c.Send(`420["enter","lobby"]`)
		c.Expect(`430[]`)
	}
	answer := func(answers ...string) {
		for i, c := range []*wiretest.Client{ada, bob} {
			question := c.Receive() // 42<id>["question"]
			c.Send("43" + question[2:len(question)-len(`["question"]`)] + answers[i])
		}
	}
	ada.Send(`421["all"]`)
	answer(`["here"]`, `["here"]`)
	ada.Expect(`431[[["here"],["here"]],false]`)

	ada.Send(`422["hurry","lobby"]`)
	ada.Receive()
	question := bob.Receive()
	bob.Send("43" + question[2:len(question)-len(`["question"]`)] + `["far"]`)
	ada.Expect(`432[[["far"]],true]`)

	ada.Send(`42["room","lobby"]`)
	bob.Receive()
	bob.Close()
	ada.Expect(`42["result",[],true]`)
}
