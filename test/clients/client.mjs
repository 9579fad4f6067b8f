// SPDX-License-Identifier: Apache-2.0

import { io } from "socket.io-client";

import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";

/**
 * Connects a stock client and closes it with the test. `next(event)` takes the arguments of the next such event,
 * `ask(event, ...args)` emits and resolves to the acknowledgement.
 */
export async function connect(t, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  socket.onAny((event, ...args) => inbox.put({ event, args }));
  for (const event of ["connect", "connect_error", "disconnect"]) {
    socket.on(event, (reason) => inbox.put({ event, args: [reason?.message ?? reason] }));
  }
  const client = {
    socket,
    inbox,
    emit: (...args) => socket.emit(...args),
    ask: (...args) => socket.timeout(5000).emitWithAck(...args),
    next: async (event) => (await inbox.take((item) => item.event === event, event)).args,
    /** The events of a name that have come and were not taken. */
    untaken: (event) => inbox.left.filter((item) => item.event === event).map((item) => item.args),
  };
  if (options.autoConnect !== false) await client.next("connect");
  return client;
}
