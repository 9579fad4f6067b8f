// SPDX-License-Identifier: Apache-2.0

package cluster

import "github.com/realtime-operator/realtime-operator/gateway/socketio"

// Watch has a function called for each event that this gateway emits to many, before it is
// delivered: not for those that other gateways emit, nor for what is sent to one socket alone. The
// function must neither block nor keep the event. It replaces the one before; nil ends that.
func (c *Cluster) Watch(f func(namespace string, d *socketio.Delivery)) {
	if f == nil {
		c.watcher.Store(nil)
		return
	}
	c.watcher.Store(&f)
}

// emitted tells the function of Watch.
func (c *Cluster) emitted(ns *socketio.Namespace, d *socketio.Delivery) {
	if f := c.watcher.Load(); f != nil {
		(*f)(ns.Name(), d)
	}
}
