// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"strings"
	"testing"

	"github.com/realtime-operator/realtime-operator/controllers/platform"
)

func TestNamespacesNarrowTheCache(t *testing.T) {
	all, err := cacheOptions(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.DefaultNamespaces) != 0 {
		t.Errorf("all namespaces are %v", all.DefaultNamespaces)
	}
	some, err := cacheOptions([]string{"chat", "games"})
	if err != nil {
		t.Fatal(err)
	}
	if len(some.DefaultNamespaces) != 2 {
		t.Errorf("two namespaces are %v", some.DefaultNamespaces)
	}
}

func TestOptions(t *testing.T) {
	sound := Options{
		GatewayImage: "g", NATSImage: "n", LeaderElect: true, WebhookPort: 9443, WebhookServiceName: "my-webhook", PodNamespace: "system",
		AssignedUserIDs: platform.UserIDsAuto,
	}
	if err := sound.validate(); err != nil {
		t.Error(err)
	}
	if got := sound.name(); got != "my" {
		t.Errorf("name %q", got)
	}
	for want, change := range map[string]func(*Options){
		"--gateway-image":          func(o *Options) { o.GatewayImage = "" },
		"--max-concurrent-updates": func(o *Options) { o.MaxConcurrentUpdates = -1 },
		"--nats-image":             func(o *Options) { o.NATSImage = "" },
		"--leader-elect":           func(o *Options) { o.PodNamespace = "" },
		"--webhook-port":           func(o *Options) { o.WebhookServiceName = "" },
		"--assigned-user-ids must be Auto, Always or Never": func(o *Options) { o.AssignedUserIDs = "auto" },
	} {
		o := sound
		change(&o)
		if err := o.validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
