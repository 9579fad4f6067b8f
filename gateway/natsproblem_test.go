// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"errors"
	"fmt"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/realtime-operator/realtime-operator/api/gatewaystatus"
	"github.com/realtime-operator/realtime-operator/api/manifest"
	"github.com/realtime-operator/realtime-operator/gateway/internal/natstest"
)

// What a gateway tells its operator of a NATS that is not as the service needs it.
func TestTheStatusSaysWhatIsWrongWithNATS(t *testing.T) {
	account := func(allow ...string) *natsserver.Options {
		return &natsserver.Options{JetStream: true, StoreDir: t.TempDir(), Users: []*natsserver.User{{
			Username: "gateway", Password: "secret",
			Permissions: &natsserver.Permissions{Publish: &natsserver.SubjectPermission{Allow: allow}},
		}}}
	}
	for name, tt := range map[string]struct {
		server   *natsserver.Options
		maxBytes string
		as       func(gatewaystatus.Status) bool
	}{
		"all is well": {&natsserver.Options{JetStream: true, StoreDir: t.TempDir()}, "1Mi", func(s gatewaystatus.Status) bool {
			return s.LogReady && s.NATSVersion != "" && s.NATSCause == "" && s.NATSDenied == "" && s.LogCause == "" && s.LogError == ""
		}},
		"no JetStream": {nil, "1Mi", func(s gatewaystatus.Status) bool {
			return s.NATS == "connected" && !s.LogReady && s.LogCause == gatewaystatus.CauseDisabled
		}},
		"no room": {&natsserver.Options{JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 2 << 20}, "3Mi", func(s gatewaystatus.Status) bool {
			return !s.LogReady && s.LogCause == gatewaystatus.CauseNoRoom
		}},
		"no right to its API": {account("rts.>", "rtslog.>", "realtime.>", "_INBOX.>"), "1Mi", func(s gatewaystatus.Status) bool {
			return !s.LogReady && s.NATSDenied == "publish to $JS.API.>"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			leakCheck(t)
			server := natstest.Start(t, tt.server)
			g := withLog(t, server.ClientURL(), map[string]string{"username": "gateway", "password": "secret"}, tt.maxBytes)
			eventually(t, "the status says so", func() bool { return tt.as(g.Status()) })
		})
	}
	t.Run("no server", func(t *testing.T) {
		leakCheck(t)
		g := withLog(t, "nats://127.0.0.1:1", nil, "1Mi")
		eventually(t, "the status says so", func() bool { return g.Status().NATSCause == gatewaystatus.CauseUnreachable })
	})
}

// withLog returns a gateway of a service with recovery.
func withLog(t *testing.T, nats string, secret map[string]string, maxBytes string) *Gateway {
	t.Helper()
	svc, err := manifest.Load(t.Context(), []byte(remembering))
	if err != nil {
		t.Fatal(err)
	}
	svc.Spec.Recovery.MaxBytes = ptr.To(resource.MustParse(maxBytes))
	o := Options{NATSURLs: []string{nats}}
	if secret != nil {
		o.NATSCredentialsDir = natstest.NewSecret(t, secret).Dir
	}
	g, err := New(svc, "1", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func TestProblemsOfTheLogAreOfAKind(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want gatewaystatus.Cause
	}{
		{nil, ""},
		{jetstream.ErrJetStreamNotEnabled, gatewaystatus.CauseDisabled},
		{jetstream.ErrJetStreamNotEnabledForAccount, gatewaystatus.CauseDisabled},
		{context.DeadlineExceeded, gatewaystatus.CauseNoQuorum},
		{&jetstream.APIError{ErrorCode: codeClusterNotAvailable}, gatewaystatus.CauseNoQuorum},
		{&jetstream.APIError{ErrorCode: codeStorageExceeded}, gatewaystatus.CauseNoRoom},
		{&jetstream.APIError{ErrorCode: jetstream.JSErrCodeBadRequest}, ""},
		{errors.New("something else"), ""},
	} {
		wrapped := tt.err
		if wrapped != nil {
			wrapped = fmt.Errorf("create or update stream RTS_chat: %w", wrapped)
		}
		if text, got := logProblem(wrapped); got != tt.want || (text == "") != (tt.err == nil) {
			t.Errorf("%v: %q %q, want %q", tt.err, text, got, tt.want)
		}
	}
}
