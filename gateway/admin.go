// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"context"
	"net/http"

	"github.com/realtime-operator/realtime-operator/gateway/admin"
)

// Admin serves people who run the service (package admin). Only its Unix socket leads to it.
func (g *Gateway) Admin() http.Handler {
	return admin.New(admin.Options{
		EachNamespace: g.runtime.EachNamespace, Watch: g.cluster.Watch, Ops: g.Ops(), Publishers: g.api.ByPeople(), Log: g.log,
	})
}

// serveAdmin serves Admin until the context ends. If it cannot, clients are served all the same.
func (g *Gateway) serveAdmin(ctx context.Context, address string) {
	if address == "" {
		return
	}
	l, err := admin.Listen(address, g.log)
	if err == nil {
		err = Serve(ctx, l, g.Admin())
	}
	if err != nil {
		g.log.Warn("kubectl rts does not reach this gateway", "error", err)
	}
}
