// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/forward"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/wiretest"
)

const polling3 = enginePath + "?EIO=3&transport=polling&b64=1"

// oldRoom is a service of which clients of 2.x are members.
const oldRoom = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: old}
spec:
  protocol: {allowEIO3: true}
  namespaces:
  - name: /
    rooms: [{name: lobby, autoJoin: true, presence: true}]
    handlers:
    - {event: say, do: [{emit: {event: said, rooms: ["'lobby'"], args: "[socket.id, args[0]]"}}]}
    - {event: whisper, do: [{emit: {event: whispered, rooms: ["args[0]"], args: "[args[1]]"}}]}
  - name: /chat
    handlers:
    - {event: whisper, do: [{emit: {event: whispered, rooms: ["args[0]"], args: "[args[1]]"}}]}
`

// oldClient is a client of 2.x that polls.
type oldClient struct {
	t        *testing.T
	sid      string
	received string
}

func pollByOld(t *testing.T, url string) *oldClient {
	t.Helper()
	c := &oldClient{t: t}
	status, body := c.do("GET", url+polling3, "")
	if status != http.StatusOK {
		t.Fatalf("handshake answered %d %s", status, body)
	}
	c.sid, c.received = strings.Split(body, `"`)[3], body
	return c
}

func (c *oldClient) do(method, url, body string) (int, string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := asker.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// expect polls until the client has received something.
func (c *oldClient) expect(url, what string) {
	c.t.Helper()
	for !strings.Contains(c.received, what) {
		status, body := c.do("GET", url+polling3+"&sid="+c.sid, "")
		if status != http.StatusOK {
			c.t.Fatalf("poll answered %d %s", status, body)
		}
		c.received += body
	}
}

// post sends a packet in the name of a session.
func (c *oldClient) post(url, sid, packet string) int {
	c.t.Helper()
	status, _ := c.do("POST", url+polling3+"&sid="+sid, packet)
	return status
}

func oldRoomOn(t *testing.T, n int) (*natsserver.Server, []*member) {
	t.Helper()
	leakCheck(t)
	nats := natstest.Start(t, nil)
	identity, err := forward.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	svc, err := manifest.Load(t.Context(), []byte(oldRoom))
	if err != nil {
		t.Fatal(err)
	}
	all := make([]*member, n)
	for i := range all {
		all[i] = joinWith(t, nats.ClientURL(), identity, svc)
	}
	return nats, all
}

// What a member of a room can learn of another one must not let it act in its name.
func TestNobodyPostsInTheNameOfAClientOf2x(t *testing.T) {
	nats, g := oldRoomOn(t, 2)
	victim := pollByOld(t, g[0].url)
	if status := victim.post(g[1].url, victim.sid, `7:40/chat`); status != http.StatusOK {
		t.Fatalf("a CONNECT is answered %d", status)
	}
	victim.expect(g[1].url, `40/chat`)
	thief, thiefID := wiretest.Connect(t, g[1].url, enginePath, "/")
	ids := map[string]bool{}
	hears := func(what string) {
		for packet := ""; !strings.HasSuffix(packet, what); {
			packet = thief.Receive()
			if strings.Contains(packet, victim.sid) {
				t.Errorf("a member is told the victim's session: %s", packet)
			}
			for part := range strings.SplitSeq(packet, `"`) {
				if len(part) >= 20 && part != thiefID {
					ids[part] = true
				}
			}
		}
	}
	// It is handled when the thief is a member of the lobby, which may be after the answer to
	// CONNECT.
	thief.Send(`42["say",0]`)
	hears(`,0]`)
	if status := victim.post(g[1].url, victim.sid, `11:42["say",1]`); status != http.StatusOK {
		t.Fatalf("the victim's own POST is answered %d", status)
	}
	hears(`,1]`)
	if len(ids) == 0 {
		t.Error("the victim has no id by which others know it")
	}
	for id := range ids {
		for _, m := range g {
			if status := victim.post(m.url, id, `11:42["say",2]`); status != http.StatusBadRequest {
				t.Errorf("a POST in the name of %s is answered %d", id, status)
			}
		}
	}
	for _, m := range g {
		if sockets := socketsOf(t, m); strings.Contains(sockets, victim.sid) {
			t.Errorf("a gateway shows the victim's session: %s", sockets)
		}
	}
	subs, err := nats.Subsz(&natsserver.SubszOptions{Subscriptions: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, sub := range subs.Subs {
		if strings.Contains(readable(sub.Subject), victim.sid) {
			t.Errorf("NATS shows the victim's session in %s", sub.Subject)
		}
	}
}

// readable is a subject with what its tokens encode.
func readable(subject string) string {
	tokens := strings.Split(subject, ".")
	for i, token := range tokens {
		if text, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "t")); err == nil {
			tokens[i] += " " + string(text)
		}
	}
	return strings.Join(tokens, ".")
}

// socketsOf is what a gateway can tell of all sockets.
func socketsOf(t *testing.T, m *member) string {
	t.Helper()
	sockets, err := m.io.Of("/").FetchSockets(t.Context())
	if err != nil || len(sockets) != 2 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	text, err := json.Marshal(sockets)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A client of 2.x takes its session's id for its socket's, and may tell it to others.
func TestAClientOf2xIsReachedFromOtherGatewaysByTheIDThatItKnows(t *testing.T) {
	_, g := oldRoomOn(t, 2)
	client := pollByOld(t, g[0].url)
	if status := client.post(g[1].url, client.sid, `7:40/chat`); status != http.StatusOK {
		t.Fatalf("a CONNECT is answered %d", status)
	}
	client.expect(g[1].url, `40/chat`)
	friend, _ := wiretest.Connect(t, g[1].url, enginePath, "/")
	friend.Join("/chat")
	friend.Send(`42["whisper","` + client.sid + `","one"]`)
	client.expect(g[1].url, `42["whispered","one"]`)
	friend.Send(`42/chat,["whisper","/chat#` + client.sid + `","two"]`)
	client.expect(g[1].url, `42/chat,["whispered","two"]`)
}
