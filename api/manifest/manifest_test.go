// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/realtime-operator/realtime-operator/api/v1alpha1"
	"github.com/realtime-operator/realtime-operator/config/samples"
)

const head = "apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: chat}\n"

func TestLoadFillsInDefaults(t *testing.T) {
	svc, err := Load(t.Context(), []byte(head+"spec: {namespaces: [{name: /, handlers: [{event: e, do: [{emit: {event: f}}]}]}]}"))
	if err != nil {
		t.Fatal(err)
	}
	p := svc.Spec.Protocol
	if p.Path != "/socket.io/" || p.PingInterval.Duration != 25*time.Second || p.PingTimeout.Duration != 20*time.Second ||
		p.UpgradeTimeout.Duration != 10*time.Second || svc.Spec.ConnectTimeout() != 45*time.Second || p.MaxPayload.Value() != 1_000_000 ||
		len(p.Transports) != 2 || p.WebTransport != nil {
		t.Errorf("protocol %+v", p)
	}
	if g := svc.Spec.Gateway; *g.Replicas != 1 || g.Service.Port != 80 || g.Service.WebTransportPort != 443 || g.Resources.Requests.Cpu().MilliValue() != 100 {
		t.Errorf("gateway %+v", g)
	}
	if e := svc.Spec.Namespaces[0].Handlers[0].Do[0].Emit; e.To != v1alpha1.EmitToEveryone || e.Args != "[]" || !*e.Compress {
		t.Errorf("emit %+v", e)
	}
	if svc.Namespace != "default" {
		t.Errorf("namespace %q", svc.Namespace)
	}
}

func TestAnswersAreSeenBehindTheQuestion(t *testing.T) {
	for name, handler := range map[string]string{
		"all actions behind it": "{event: e, do: [{emit: {event: f, ack: {}}}, {set: {a: answers, m: missing}}, {ack: 'answers.map(a, a[0])'}]}",
		"a name of one's own":   "{event: e, do: [{ack: 'args.map(answers, answers)'}, {set: {missing: '1'}}, {ack: '[socket.data.missing]'}]}",
	} {
		svc, err := Load(t.Context(), []byte(head+"spec: {namespaces: [{name: /, handlers: ["+handler+"]}]}"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if e := svc.Spec.Namespaces[0].Handlers[0].Do[0].Emit; e != nil && e.Ack.Timeout.Duration != 5*time.Second {
			t.Errorf("%s: the wait is %s", name, e.Ack.Timeout)
		}
	}
}

func TestSamplesLoad(t *testing.T) {
	for name, data := range map[string][]byte{"chat": samples.Chat, "conformance": samples.Conformance} {
		if _, err := Load(t.Context(), data); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoomsLoad(t *testing.T) {
	svc, err := Load(t.Context(), []byte(head+`spec: {namespaces: [{name: /,
		rooms: [{name: lobby, autoJoin: true, presence: true}, {name: 'team-*', presence: true, presenceInfo: "{'in': room.name, 'as': socket.id, 'at': now}"}],
		handlers: [{event: who, do: [{presence: {room: 'args[0]'}}]}, {event: count, do: [{presence: {room: 'args[0]', limit: 0}}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	ns := svc.Spec.Namespaces[0]
	if len(ns.Rooms) != 2 || !ns.Rooms[0].AutoJoin || ns.Rooms[1].AutoJoin || !ns.Rooms[1].Presence {
		t.Errorf("rooms %+v", ns.Rooms)
	}
	if all, none := ns.Handlers[0].Do[0].Presence, ns.Handlers[1].Do[0].Presence; *all.Limit != 100 || *none.Limit != 0 {
		t.Errorf("limits %d, %d", *all.Limit, *none.Limit)
	}
}

// TestAuthenticationIsRefused has the manifests of TestBadAuthenticationIsRefused in controllers,
// which a real API server refuses with the same words.
func TestAuthenticationIsRefused(t *testing.T) { testRefused(t, "authentication") }

// TestLimitsAreRefused has the manifests of TestBadLimitsAreRefused in controllers.
func TestLimitsAreRefused(t *testing.T) { testRefused(t, "limits") }

// TestAddressesAreRefused has the manifests of TestBadAddressesAreRefused in controllers.
func TestAddressesAreRefused(t *testing.T) { testRefused(t, "addresses") }

// TestRoomsAreRefused has the manifests of TestBadRoomsAreRefused in controllers.
func TestRoomsAreRefused(t *testing.T) { testRefused(t, "rooms") }

// TestPodsAreRefused has the manifests of TestBadPodsAreRefused in controllers.
func TestPodsAreRefused(t *testing.T) { testRefused(t, "pods") }

// TestAutoscalingIsRefused has the manifests of TestBadAutoscalingIsRefused in controllers.
func TestAutoscalingIsRefused(t *testing.T) { testRefused(t, "autoscaling") }

// TestUsersAreRefused has the manifests of TestBadUsersAreRefused in controllers.
func TestUsersAreRefused(t *testing.T) { testRefused(t, "users") }

// TestExposureIsRefused has the manifests of TestBadExposureIsRefused in controllers.
func TestExposureIsRefused(t *testing.T) { testRefused(t, "exposure") }

// TestUpdatePoliciesAreRefused has the manifests of TestBadUpdatePoliciesAreRefused in controllers.
func TestUpdatePoliciesAreRefused(t *testing.T) { testRefused(t, "updates") }

func testRefused(t *testing.T, what string) {
	data, err := os.ReadFile("testdata/" + what + "-refused.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var tests []struct {
		Name string          `json:"name"`
		Spec json.RawMessage `json:"spec"`
		Want []string        `json:"want"`
	}
	if err := yaml.UnmarshalStrict(data, &tests); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			_, err := Load(t.Context(), []byte(head+"spec: "+string(test.Spec)))
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, want := range test.Want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestLimitsLoad(t *testing.T) {
	svc, err := Load(t.Context(), []byte(head+`spec: {
		authentication: [{name: users, tokens: {secretRef: {name: s}}}],
		limits: {
			perSocket: {events: {rate: 20, burst: 40}, bytes: {rate: 64Ki}, byEvent: [{event: typing, rate: 5, onExceed: Drop}, {event: '大', rate: 1, mode: Audit}]},
			perUser: {events: {rate: 100, onExceed: Disconnect}, bytes: {rate: 1Mi, burst: 4Mi}, connections: 10, connectionsMode: Audit}},
		namespaces: [{name: /, authentication: [users]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	l := svc.Spec.Limits
	for what, got := range map[string]int64{
		"events": l.PerSocket.Events.AtOnce() - 40, "bytes": l.PerSocket.Bytes.AtOnce() - 128<<10,
		"typing": l.PerSocket.ByEvent[0].AtOnce() - 10, "a user's bytes": l.PerUser.Bytes.AtOnce() - 4<<20,
	} {
		if got != 0 {
			t.Errorf("the burst of %s is %d too large", what, got)
		}
	}
	if e := l.PerSocket.Events; e.OnExceed != v1alpha1.ExceedReject || e.Mode != v1alpha1.AccessEnforce {
		t.Errorf("by default it is %+v", e.LimitPolicy)
	}
}

func TestAuthenticationLoads(t *testing.T) {
	svc, err := Load(t.Context(), []byte(head+`spec: {
		authentication: [
			{name: users, jwt: {issuer: i, audiences: [c], jwks: {url: 'https://id.example.com/realms/chat/certs'}}, user: claims.sub, message: 认证失败},
			{name: devices, tokens: {secretRef: {name: devices}, from: [query.token, header.x-token, cookie.session, auth.device.token]}, allow: "claims.site == 'north' && request.secure"},
			{name: spare, tokens: {secretRef: {name: spare}}}],
		namespaces: [{name: /, authentication: [users, devices], anonymous: true}], dynamicNamespaces: [{pattern: /a, authentication: [devices]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	users, devices := svc.Spec.Authentication[0], svc.Spec.Authentication[1]
	if users.JWT.Leeway.Duration != 10*time.Second || len(users.JWT.From) != 1 || users.JWT.From[0] != "auth.token" || devices.Message != "Unauthorized" {
		t.Errorf("%+v, %+v", users, devices)
	}
	if got := svc.AuthenticationSecrets(); len(got) != 2 || got[0] != "devices" || got[1] != "spare" {
		t.Errorf("Secrets %q", got)
	}
}

func TestProgramsThatAreAskedLoad(t *testing.T) {
	svc, err := Load(t.Context(), []byte(head+`spec: {
		authentication: [
			{name: least, webhook: {serviceRef: {name: accounts, port: 8080}}},
			{name: most, webhook: {
				url: 'https://accounts.example.com/realtime?v=1', ca: {configMapRef: {name: corporate}}, credentialsSecretRef: {name: accounts},
				from: [cookie.session], forward: {headers: [user-agent], query: [tenant]}, timeout: 500ms, concurrency: 8,
				cache: {maxAge: 1m, maxEntries: 0}, onFailure: Allow}},
			{name: issuer, jwt: {issuer: i, audiences: [c], jwks: {url: 'https://id.example.com/certs', ca: {secretRef: {name: issuer-ca}, key: root.pem}}}},
			{name: service, nats: {subject: accounts.who}}],
		namespaces: [{name: /, authentication: [least, most, issuer, service]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	least, service := svc.Spec.Authentication[0], svc.Spec.Authentication[3]
	for name, asked := range map[string]*v1alpha1.AuthenticationRequest{"webhook": least.Request(), "nats": service.Request()} {
		if asked.Timeout.Duration != 2*time.Second || asked.Concurrency != 64 || asked.OnFailure != v1alpha1.OnFailureDeny ||
			asked.Cache.MaxAge.Duration != 5*time.Minute || *asked.Cache.MaxEntries != 10_000 || len(asked.From) != 1 || asked.From[0] != "auth.token" {
			t.Errorf("the defaults of %s: %+v", name, asked)
		}
	}
	if scheme := least.Webhook.ServiceRef.Scheme; scheme != "HTTP" {
		t.Errorf("scheme %q", scheme)
	}
	if got, want := svc.AuthenticationSecrets(), []string{"accounts", "issuer-ca"}; !slices.Equal(got, want) {
		t.Errorf("Secrets %q", got)
	}
	if got, want := svc.AuthenticationConfigMaps(), []string{"corporate"}; !slices.Equal(got, want) {
		t.Errorf("ConfigMaps %q", got)
	}
	if key := svc.Spec.Authentication[1].CA().Key; key != "ca.crt" {
		t.Errorf("key %q", key)
	}
}

// It says nothing of storage, which is the operator's.
func TestALogInAnotherNATSLoads(t *testing.T) {
	const spec = "spec: {nats: {urls: ['nats://x']}, recovery: {}, namespaces: [{name: /}]}"
	if _, err := Load(t.Context(), []byte(head+spec)); err != nil {
		t.Error(err)
	}
}

func TestOtherObjectsInTheFileArePassedOver(t *testing.T) {
	data := "kind: ConfigMap\napiVersion: v1\n---\n# nothing\n---\n" + head + "spec: {namespaces: [{name: /}]}\n---\n"
	if _, err := Load(t.Context(), []byte(data)); err != nil {
		t.Error(err)
	}
}

func TestLoadRefuses(t *testing.T) {
	namespace := func(handlers string) string {
		return head + "spec: {namespaces: [{name: /, handlers: [" + handlers + "]}]}"
	}
	protocol := func(spec string) string {
		return head + "spec: {protocol: " + spec + ", namespaces: [{name: /}]}"
	}
	rooms := func(rules string) string {
		return head + "spec: {namespaces: [{name: /, rooms: [" + rules + "]}]}"
	}
	tests := []struct {
		name, manifest string
		want           []string
	}{
		{"a room twice", rooms("{name: a}, {name: a}"), []string{"spec.namespaces[0].rooms[1]: Duplicate value"}},
		{"a history that nothing keeps", rooms("{name: a, history: {}}"), []string{"spec.namespaces[0].rooms[0].history: Forbidden", "spec.recovery"}},
		{"an order that nothing keeps", rooms("{name: a, ordering: room}"), []string{"spec.namespaces[0].rooms[0].ordering: Forbidden", "spec.recovery"}},
		{"a history of no age", rooms("{name: a, history: {maxAge: 1ms}}"), []string{"spec.namespaces[0].rooms[0].history.maxAge"}},
		{"a page of no room", namespace("{event: e, do: [{history: {limit: 3}}]}"), []string{"do[0].history.room: Required value"}},
		{"a history at a connection", namespace("{event: connection, do: [{history: {room: \"'a'\"}}]}"), []string{"do[0].history: Forbidden"}},
		{"a room without a name", rooms("{presence: true}"), []string{"spec.namespaces[0].rooms[0].name: Required value"}},
		{"joining a pattern", rooms("{name: a}, {name: 'b*', autoJoin: true}"), []string{"spec.namespaces[0].rooms[1].autoJoin", "names no room that could be joined"}},
		{"a rule for nothing", rooms("{name: a, allow: {mode: Audit}}"), []string{"spec.namespaces[0].rooms[0].allow", "must have at least one condition"}},
		{"a rule that yields no bool", rooms(`{name: a, allow: {join: "socket.id"}}`), []string{"spec.namespaces[0].rooms[0].allow.join", "must yield a bool, and yields string"}},
		{"a rule about an event", rooms(`{name: a, allow: {emit: "args[0] == 1"}}`), []string{"spec.namespaces[0].rooms[0].allow.emit", "column 1", "undeclared reference to 'args'"}},
		{"a rule with a misspelt field", rooms(`{name: a, allow: {leave: "room.parms.a == ''"}}`), []string{"spec.namespaces[0].rooms[0].allow.leave", "column 5", "undefined field 'parms'"}},
		{"an unknown mode of a rule", rooms(`{name: a, allow: {mode: Log, join: "true"}}`), []string{"spec.namespaces[0].rooms[0].allow.mode"}},
		{"a room whose part is open", rooms("{name: 'team-{team'}"), []string{"spec.namespaces[0].rooms[0].name", "has a '{' without a '}'"}},
		{"a room with two parts side by side", rooms("{name: '{a}{b}'}"), []string{"spec.namespaces[0].rooms[0].name", "has nothing between"}},
		{"autoJoin into a room with a part", rooms("{name: 'team-{team}', autoJoin: true}"), []string{"spec.namespaces[0].rooms[0].autoJoin", "a pattern names no room that could be joined"}},
		{"a rule that never holds", rooms("{name: 'team-*'}, {name: team-a}"), []string{"spec.namespaces[0].rooms[1].name", "never holds, since team-* comes first"}},
		{"info without presence", rooms("{name: a, presenceInfo: '1'}"), []string{"spec.namespaces[0].rooms[0].presenceInfo", "without `presence: true`"}},
		{"info that sees an event", rooms("{name: a, presence: true, presenceInfo: 'args[0]'}"), []string{"spec.namespaces[0].rooms[0].presenceInfo", "undeclared reference to 'args'"}},
		{"rooms beneath a pattern", head + "spec: {namespaces: [{name: /}], dynamicNamespaces: [{pattern: /a, rooms: [{name: a, presence: true, presenceInfo: 'soket'}]}]}", []string{"spec.dynamicNamespaces[0].rooms[0].presenceInfo"}},
		{"members at a connection", namespace("{event: connection, do: [{presence: {room: \"'a'\"}}]}"), []string{"do[0].presence: Forbidden"}},
		{"members of no room", namespace("{event: e, do: [{presence: {limit: 3}}]}"), []string{"do[0].presence.room: Required value"}},
		{"members of several rooms", namespace("{event: e, do: [{presence: {room: 'socket.rooms'}}]}"), []string{"do[0].presence.room", "must yield a string, and yields list"}},
		{"members after a number", namespace("{event: e, do: [{presence: {room: \"'a'\", after: '1'}}]}"), []string{"do[0].presence.after", "must yield a string, and yields int"}},
		{"too many members", namespace("{event: e, do: [{presence: {room: \"'a'\", limit: 1001}}]}"), []string{"do[0].presence.limit", "less than or equal to 1000"}},
		{"nothing", "", []string{"the file has no RealtimeService"}},
		{"a file of two", head + "spec: {namespaces: [{name: /}]}\n---\n" + head, []string{"more than one RealtimeService"}},
		{"a list", "- a", []string{"not an object"}},
		{"what is no YAML", "a: [", []string{"line 1"}},
		{"another version", strings.Replace(head, "v1alpha1", "v9", 1) + "spec: {namespaces: [{name: /}]}", []string{"apiVersion", `supported values: "realtime-operator.io/v1alpha1"`}},
		{"no name", strings.Replace(head, "name: chat", "", 1) + "spec: {namespaces: [{name: /}]}", []string{"metadata.name: Required value"}},
		{"a bad name", strings.Replace(head, "chat", "Chat!", 1) + "spec: {namespaces: [{name: /}]}", []string{"metadata.name", "RFC 1123"}},
		{"a name that no Service may have", strings.Replace(head, "chat", "chat.v2", 1) + "spec: {namespaces: [{name: /}]}", []string{"start with a letter, since a Service"}},
		{"an origin with a path", protocol("{cors: {origins: ['https://a.example/x']}}"), []string{"spec.protocol.cors.origins[0]"}},
		{"an origin with too many asterisks", protocol("{cors: {origins: ['https://*.*.example:*']}}"), []string{"spec.protocol.cors.origins[0]", "more than two asterisks"}},
		{"a cookie of all sites without TLS", protocol("{cookie: {sameSite: None}}"), []string{"spec.protocol.cookie.sameSite", "None needs secure"}},
		{"a cookie's name with a space", protocol("{cookie: {name: a b}}"), []string{"spec.protocol.cookie.name"}},
		{"a header that is none", protocol("{headers: {'a b': c}}"), []string{"spec.protocol.headers[a b]", "is no name of an HTTP header"}},
		{"a header of the protocol's", protocol("{initialHeaders: {content-type: c}}"), []string{"spec.protocol.initialHeaders[content-type]", "sets this header itself"}},
		{"a header twice", protocol("{headers: {x-a: b, X-A: c}}"), []string{"spec.protocol.headers[x-a]: Duplicate"}},
		{"a header with a line break", protocol("{headers: {x-a: \"b\\nc\"}}"), []string{"spec.protocol.headers.x-a"}},
		{"a recovery of no time", head + "spec: {recovery: {maxDisconnection: 500ms}, namespaces: [{name: /}]}", []string{"spec.recovery.maxDisconnection", "1s or more"}},
		{"replicas of the operator's one NATS", head + "spec: {recovery: {replicas: 3}, namespaces: [{name: /}]}", []string{"spec.recovery.replicas", "is for a NATS of your own (spec.nats.urls)"}},
		{"a bound for the operator's NATS", head + "spec: {recovery: {maxBytes: 1Gi}, namespaces: [{name: /}]}", []string{"spec.recovery.maxBytes"}},
		{"a log of few bytes", head + "spec: {nats: {urls: ['nats://x']}, recovery: {maxBytes: 1Mi}, namespaces: [{name: /}]}", []string{"spec.recovery.maxBytes"}},
		{"storage for another's NATS", head + "spec: {nats: {urls: ['nats://x']}, recovery: {storage: {persistent: true}}, namespaces: [{name: /}]}", []string{"spec.recovery.storage.persistent"}},
		{"a disk that is too small", head + "spec: {recovery: {storage: {size: 1Mi}}, namespaces: [{name: /}]}", []string{"spec.recovery.storage.size", "16Mi or more"}},
		{"an admission rule that is no condition", protocol("{admission: [{expression: request.path}]}"), []string{"spec.protocol.admission[0].expression", "must yield a bool, and yields string"}},
		{"an admission rule about a socket", protocol("{admission: [{expression: \"socket.id == ''\"}]}"), []string{"spec.protocol.admission[0].expression", "undeclared reference to 'socket'"}},
		{"compression without a switch", protocol("{compression: {polling: {thresholdBytes: 1}}}"), []string{"spec.protocol.compression.polling.enabled: Required"}},
		{"a pattern that RE2 does not know", head + "spec: {namespaces: [{name: /}], dynamicNamespaces: [{pattern: '/(?=a)'}]}", []string{"spec.dynamicNamespaces[0].pattern", "invalid or unsupported Perl syntax"}},
		{"a pattern that is no name", head + "spec: {namespaces: [{name: /}], dynamicNamespaces: [{pattern: 'a.*'}]}", []string{"spec.dynamicNamespaces[0].pattern"}},
		{"a pattern twice", head + "spec: {namespaces: [{name: /}], dynamicNamespaces: [{pattern: /a}, {pattern: /a}]}", []string{"spec.dynamicNamespaces[1]: Duplicate"}},
		{"a mistake beneath a pattern", head + "spec: {namespaces: [{name: /}], dynamicNamespaces: [{pattern: /a, handlers: [{event: e, when: 'args[0', do: [{disconnect: {}}]}]}]}", []string{"spec.dynamicNamespaces[0].handlers[0].when"}},
		{"an API without a token", head + "spec: {api: {}, namespaces: [{name: /}]}", []string{"spec.api.tokenSecretRef: Required"}},
		{"a token of no Secret", head + "spec: {api: {tokenSecretRef: {name: ''}}, namespaces: [{name: /}]}", []string{"spec.api.tokenSecretRef.name"}},
		{"a token of a key that is none", head + "spec: {api: {tokenSecretRef: {name: a, key: b/c}}, namespaces: [{name: /}]}", []string{"spec.api.tokenSecretRef.key"}},
		{"a surge of nobody", head + "spec: {gateway: {rollout: {maxSurge: 0}}, namespaces: [{name: /}]}", []string{"spec.gateway.rollout.maxSurge", "a number from 1 to 1000"}},
		{"a surge of no percent", head + "spec: {gateway: {rollout: {maxSurge: 0%}}, namespaces: [{name: /}]}", []string{"spec.gateway.rollout.maxSurge", "a percentage from 1% to 100%"}},
		{"a surge in words", head + "spec: {gateway: {rollout: {maxSurge: all}}, namespaces: [{name: /}]}", []string{"spec.gateway.rollout.maxSurge", "a percentage from 1% to 100%"}},
		{"a rate of nobody", head + "spec: {gateway: {drain: {rate: 0}}, namespaces: [{name: /}]}", []string{"spec.gateway.drain.rate", "greater than or equal to 1"}},
		{"a bucket that holds none", protocol("{handshakes: {burst: 0}}"), []string{"spec.protocol.handshakes.burst", "greater than or equal to 1"}},
		{"less than no handshakes", protocol("{handshakes: {perSecond: -1}}"), []string{"spec.protocol.handshakes.perSecond", "greater than or equal to 0"}},
		{"a queue that holds too little", protocol("{slowConsumers: {maxQueueBytes: 1k}}"), []string{"spec.protocol.slowConsumers.maxQueueBytes", "must be from 64Ki to 256Mi"}},
		{"a queue of no messages", protocol("{slowConsumers: {maxQueueMessages: 0}}"), []string{"spec.protocol.slowConsumers.maxQueueMessages", "greater than or equal to 16"}},
		{"a policy that nobody knows", protocol("{slowConsumers: {policy: DropAll}}"), []string{"spec.protocol.slowConsumers.policy: Unsupported value: \"DropAll\""}},
		{"less than no connections", head + "spec: {limits: {maxConnections: -1}, namespaces: [{name: /}]}", []string{"spec.limits.maxConnections", "greater than or equal to 0"}},
		{"no namespace for anybody", head + "spec: {limits: {maxNamespaces: 0}, namespaces: [{name: /}]}", []string{"spec.limits.maxNamespaces", "greater than or equal to 1"}},
		{"no room for anybody", head + "spec: {limits: {maxRooms: 0}, namespaces: [{name: /}]}", []string{"spec.limits.maxRooms", "greater than or equal to 1"}},
		{"an unknown parser", protocol("{parser: xml}"), []string{"spec.protocol.parser: Unsupported value"}},
		{"a long name", strings.Replace(head, "chat", strings.Repeat("a", 46), 1) + "spec: {namespaces: [{name: /}]}", []string{"at most 45 characters"}},
		{"an unknown field", head + "spec: {namespaces: [{name: /}], gatway: {}}", []string{"spec.gatway: Forbidden: unknown field"}},
		{"an unknown field, deep", namespace("{event: e, do: [{emit: {event: f, arg: '[]'}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.arg: Forbidden: unknown field"}},
		{"an event as others name it", namespace("{on: e, do: [{ack: '[]'}]}"), []string{"spec.namespaces[0].handlers[0].true: Forbidden: unknown field: YAML takes on", "names its event in `event`"}},
		{"a key twice", head + "spec: {namespaces: [{name: /, name: /a}]}", []string{`key "name" already set`}},
		{"a bad duration", head + "spec: {namespaces: [{name: /}], protocol: {pingInterval: soon}}", []string{"spec.protocol.pingInterval", "should match"}},
		{"a duration out of bounds", head + "spec: {namespaces: [{name: /}], protocol: {pingInterval: 1ms}}", []string{"spec.protocol.pingInterval", "must be from 100ms to 1h"}},
		{"a bad quantity", head + "spec: {namespaces: [{name: /}], protocol: {maxPayload: big}}", []string{"spec.protocol.maxPayload"}},
		{"a payload too large", head + "spec: {namespaces: [{name: /}], protocol: {maxPayload: 1Gi}}", []string{"spec.protocol.maxPayload", "must be from 1k to 64Mi"}},
		{"no namespaces", head + "spec: {namespaces: []}", []string{"spec.namespaces", "at least 1"}},
		{"a namespace twice", head + "spec: {namespaces: [{name: /}, {name: /}]}", []string{"spec.namespaces[1]: Duplicate value"}},
		{"a namespace without slash", head + "spec: {namespaces: [{name: chat}]}", []string{"spec.namespaces[0].name", "should match"}},
		{"a reserved event", namespace("{event: connect, do: [{disconnect: {}}]}"), []string{"spec.namespaces[0].handlers[0].event", "reserved event name"}},
		{"emitting a reserved event", namespace("{event: e, do: [{emit: {event: disconnect}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.event", "reserved event name"}},
		{"an expression that does not compile", namespace("{event: e, when: 'args[0', do: [{disconnect: {}}]}"), []string{"spec.namespaces[0].handlers[0].when", "column 7", "Syntax error"}},
		{"a misspelt field", namespace("{event: e, do: [{emit: {event: f, args: '[socket.dta]'}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.args", "column 8", "undefined field 'dta'"}},
		{"arguments that are no list", namespace("{event: e, do: [{emit: {event: f, args: '1'}}]}"), []string{"emit.args", "must yield a list, and yields int"}},
		{"a room that is no string", namespace("{event: e, do: [{join: '1'}]}"), []string{"handlers[0].do[0].join", "must yield a string"}},
		{"two actions in one step", namespace("{event: e, do: [{join: \"'a'\", leave: \"'b'\"}]}"), []string{"spec.namespaces[0].handlers[0].do[0]", "has join and leave, and may have one of them"}},
		{"no action in a step", namespace("{event: e, do: [{}]}"), []string{"spec.namespaces[0].handlers[0].do[0]", "at least 1"}},
		{"an unknown audience", namespace("{event: e, do: [{emit: {event: f, to: all}}]}"), []string{"emit.to: Unsupported value: \"all\""}},
		{"rooms for a socket", namespace("{event: e, do: [{emit: {event: f, to: socket, rooms: [\"'a'\"]}}]}"), []string{"emit.to", "do not go with"}},
		{"a socket that is local", namespace("{event: e, do: [{emit: {event: f, to: socket, local: true}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.local", "makes no sense"}},
		{"answers that nobody is asked for", namespace("{event: e, do: [{ack: '[answers]'}, {emit: {event: f, ack: {}}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].ack", "only behind an emit with ack"}},
		{"answers before the first action", namespace("{event: e, when: missing, do: [{emit: {event: f, ack: {}}}]}"), []string{"spec.namespaces[0].handlers[0].when", "only behind an emit with ack"}},
		{"answers in the question itself", namespace("{event: e, do: [{emit: {event: f, args: answers, ack: {}}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.args", "only behind an emit with ack"}},
		{"a wait that is too long", namespace("{event: e, do: [{emit: {event: f, ack: {timeout: 61s}}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.ack.timeout", "must be from 100ms to 1m"}},
		{"a wait that is too short", namespace("{event: e, do: [{emit: {event: f, ack: {timeout: 1ms}}}]}"), []string{"spec.namespaces[0].handlers[0].do[0].emit.ack.timeout"}},
		{"waiting while leaving", namespace("{event: disconnect, do: [{emit: {event: f, ack: {}}}]}"), []string{"do[0].emit.ack: Forbidden", "gone before anybody answers"}},
		{"an ack at connection", namespace("{event: connection, do: [{ack: '[]'}]}"), []string{"do[0].ack: Forbidden"}},
		{"joining while leaving", namespace("{event: disconnect, do: [{join: \"'a'\"}]}"), []string{"do[0].join: Forbidden"}},
		{"a field that YAML takes for a bool", namespace("{event: e, do: [{set: {n: '1'}}]}"), []string{"do[0].set[false]", "unless these are quoted"}},
		{"a field that is no identifier", namespace("{event: e, do: [{set: {'a-b': '1'}}]}"), []string{"do[0].set[", "must be an identifier"}},
		{"more than the most", head + "spec: {namespaces: [{name: /}], gateway: {autoscaling: {minReplicas: 3, maxReplicas: 2}}}", []string{"spec.gateway.autoscaling.minReplicas", "must not be greater"}},
		{"WebTransport among those of TCP", protocol("{transports: [polling, webtransport]}"), []string{"spec.protocol.transports[1]: Unsupported value: \"webtransport\""}},
		{"WebTransport without a certificate", protocol("{webTransport: {}}"), []string{"spec.protocol.webTransport.tlsSecretRef: Required"}},
		{"WebTransport with a Secret without name", protocol("{webTransport: {tlsSecretRef: {name: ''}}}"), []string{"spec.protocol.webTransport.tlsSecretRef.name"}},
		{"credentials for any origin", head + "spec: {namespaces: [{name: /}], protocol: {cors: {origins: ['*'], credentials: true}}}", []string{"spec.protocol.cors.credentials"}},
		{"a NATS that is no URL", head + "spec: {namespaces: [{name: /}], nats: {urls: ['nats:4222']}}", []string{"spec.nats.urls[0]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(t.Context(), []byte(tt.manifest))
			if err == nil {
				t.Fatal("it is accepted")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}
