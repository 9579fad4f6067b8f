// SPDX-License-Identifier: Apache-2.0

package socketio

import "github.com/realtime-operator/realtime-operator/gateway/socketio/internal/parser"

// member is a Socket as its connection uses it; see conn.Socket. It has the methods that are not
// for applications.
type member Socket

func (m *member) socket() *Socket { return (*Socket)(m) }

func (m *member) Alive() bool { return m.state.Load() != stateClosed }

func (m *member) OnEvent(p parser.Packet) { m.socket().onEvent(&p) }

func (m *member) OnAck(p parser.Packet) { m.socket().onAck(&p) }

func (m *member) AbandonAcks() { m.socket().abandonAcks() }

func (m *member) Leave() { m.socket().disconnect(false) }

func (m *member) OnLeave(reason string) { m.socket().close(reason) }

func (m *member) WantsUpgrade() bool { return m.handlers.HasUpgrade() }

func (m *member) OnUpgrade(transport string) { m.handlers.Upgraded(transport) }
