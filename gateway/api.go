// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

// API serves programs that publish over HTTP, on a port of its own that clients do not reach; see
// package publish. Each request must have a token of SetAPITokens.
func (g *Gateway) API() http.Handler { return g.api }

// SetAPITokens replaces the tokens of the API by those of a file, one per line. It returns their
// number.
func (g *Gateway) SetAPITokens(file []byte) int { return g.api.SetTokens(file) }

// listenForPrograms returns nil if there are no tokens.
func listenForPrograms(o RunOptions) (net.Listener, error) {
	if o.APITokenFile == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", o.APIListen)
	if err != nil {
		return nil, fmt.Errorf("listen for programs: %w", err)
	}
	return l, nil
}

func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// readTokens returns nothing while the file is missing: the Secret may come later than the gateway,
// which serves clients meanwhile.
func readTokens(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}

func (g *Gateway) reloadTokens(file []byte) {
	if n := g.SetAPITokens(file); n > 0 {
		g.log.Info("programs can publish", "tokens", n)
		return
	}
	g.log.Error("the Secret of spec.api has no token: no program can publish over HTTP")
}
