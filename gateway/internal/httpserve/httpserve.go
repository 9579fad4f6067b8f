// SPDX-License-Identifier: Apache-2.0

// Package httpserve serves HTTP on listeners that strangers can reach, with bounds on what they can
// use.
package httpserve

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/realtime-operator/realtime-operator/gateway/internal/clientaddr"
)

const (
	// headerTimeout bounds the time for the headers of a request.
	headerTimeout = 10 * time.Second
	// bodyTimeout bounds the time for the whole request. Answers may take as long as a poll lasts.
	bodyTimeout = 60 * time.Second
	idleTimeout = 2 * time.Minute
	// shutdownTimeout bounds the wait for requests that are being answered when everything else has
	// ended.
	shutdownTimeout = 2 * time.Second

	// HeaderLimit bounds the headers of a client's request, in bytes, like the default of Node. A
	// session keeps less of those of its handshake.
	HeaderLimit = 16 << 10
	// PeerHeaderLimit leaves room for what a server adds when it forwards a client's request.
	PeerHeaderLimit = HeaderLimit + 1<<10
)

// Serve answers HTTP on a listener until the context ends, and closes the listener. Headers may
// have headerLimit bytes.
func Serve(ctx context.Context, l net.Listener, h http.Handler, headerLimit int) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       bodyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerLimit,
		ConnContext:       clientaddr.ConnContext,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(bounded); err != nil {
		server.Close()
	}
	<-ended
	return nil
}
