// SPDX-License-Identifier: Apache-2.0

// Package lazycontext has contexts that are made when they are first needed: few sessions ever need
// one, and an idle session should be small.
package lazycontext

import "context"

// Context is a context that can end. The zero value has no values. It is not safe for concurrent
// use.
type Context struct {
	// Values is the context whose values this one has; nil for none.
	Values context.Context
	// ctx and cancel are nil before the first call of Get.
	ctx    context.Context
	cancel context.CancelFunc
}

// Get returns the context.
func (c *Context) Get() context.Context {
	if c.ctx == nil {
		values := c.Values
		if values == nil {
			values = context.Background()
		}
		c.ctx, c.cancel = context.WithCancel(values)
	}
	return c.ctx
}

// End ends what Get has returned. A nil Context has returned nothing.
func (c *Context) End() {
	if c != nil && c.cancel != nil {
		c.cancel()
	}
}
