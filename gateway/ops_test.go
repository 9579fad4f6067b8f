// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

func statusHas(text string) func(int, string) bool {
	return func(status int, body string) bool { return status == http.StatusOK && strings.Contains(body, text) }
}

// Kubernetes asks for readiness at its own pace: NATS may have come and gone before.
func TestAGatewayThatHasReachedNATSIsReadyThoughNobodyAskedThen(t *testing.T) {
	leakCheck(t)
	proxy := natstest.NewProxy(t, natstest.Start(t, nil).ClientURL())
	g := start(t, proxy.URL(), 0)
	await(t, g.ops+"/status", statusHas(`"nats":"connected"`))
	proxy.Cut()
	await(t, g.ops+"/status", func(_ int, body string) bool { return !strings.Contains(body, `"nats":"connected"`) })
	if status, body := get(t, g.ops+"/readyz"); status != http.StatusOK || !strings.HasPrefix(body, "ok, but NATS is away") {
		t.Errorf("/readyz answers %d %s", status, body)
	}
}

func TestAGatewayThatNATSRefusesSaysSo(t *testing.T) {
	leakCheck(t)
	started := &server.Options{Username: "gateway", Password: "first"}
	ns := natstest.Start(t, started)
	g := start(t, "nats://gateway:first@"+strings.TrimPrefix(ns.ClientURL(), "nats://"), 0)
	await(t, g.ops+"/readyz", ready)
	ns = natstest.Users(t, ns, started, func(o *server.Options) { o.Password = "second" })
	const refused = "nats: authorization violation"
	await(t, g.ops+"/readyz", func(status int, body string) bool {
		return status == http.StatusOK && strings.HasPrefix(body, "ok, but NATS is away") && strings.Contains(strings.ToLower(body), refused)
	})
	await(t, g.ops+"/status", func(_ int, body string) bool { return strings.Contains(strings.ToLower(body), `"natserror":"`+refused) })
	natstest.Users(t, ns, started, func(o *server.Options) { o.Password = "first" })
	await(t, g.ops+"/readyz", func(status int, body string) bool { return status == http.StatusOK && body == "ok\n" })
}

func TestAGatewayWhoseConnectionEndsForGoodLeaves(t *testing.T) {
	leakCheck(t)
	proxy := natstest.NewProxy(t, natstest.Start(t, nil).ClientURL())
	g := start(t, proxy.URL(), 0)
	await(t, g.ops+"/readyz", ready)
	if err := proxy.Inject("-ERR 'Something That No Client Knows'\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-g.ended; err == nil || !strings.Contains(err.Error(), "NATS has ended for good") {
		t.Errorf("the gateway ended with %v", err)
	}
	g.ended <- nil
}

func TestMetricsOfWorkersAndPanicsAreThereFromTheStart(t *testing.T) {
	leakCheck(t)
	g := start(t, natstest.Start(t, nil).ClientURL(), 0)
	await(t, g.ops+"/readyz", ready)
	_, metrics := get(t, g.ops+"/metrics")
	for _, line := range []string{
		"realtime_netpoll_workers 0",
		"realtime_handlers_suspended 0",
		`realtime_panics_total{place="handler"} 0`,
		`realtime_panics_total{place="heartbeat"} 0`,
		`realtime_panics_total{place="message"} 0`,
		`realtime_panics_total{place="request"} 0`,
		`realtime_panics_total{place="transport"} 0`,
		`realtime_panics_total{place="write"} 0`,
	} {
		if !strings.Contains(metrics, "\n"+line+"\n") {
			t.Errorf("there is no metric %s", line)
		}
	}
}
