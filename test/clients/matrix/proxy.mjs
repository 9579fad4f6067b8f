// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { connect, createServer } from "node:net";

import { atEnd } from "../ending.mjs";
import { within, withResolvers } from "../inbox.mjs";

/** A way to the port that can be cut: every connection ends at once, and so do new ones until it is mended. */
export async function startProxy(t, port) {
  const sockets = new Set();
  const polling = new Set();
  let nowPolling = withResolvers();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {}); // A close follows.
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
    // Requests come in one piece, and none before the last one was answered.
    near.on("data", (data) => {
      if (!/^GET .*transport=polling/.test(data.toString("latin1"))) return;
      const arrived = () => {
        polling.add(near);
        nowPolling.resolve();
      };
      if (far.connecting) far.once("connect", arrived);
      else arrived();
    });
    for (const end of ["data", "close"]) far.on(end, () => polling.delete(near));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    isCut = true;
    sockets.forEach((socket) => socket.destroy());
  };
  const mend = () => (isCut = false);
  /** Resolves while a poll waits for its answer. */
  const polled = async () => {
    if (polling.size > 0) return;
    nowPolling = withResolvers();
    await within(nowPolling.promise, "a poll");
  };
  atEnd(t, () => {
    cut();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${server.address().port}`, cut, mend, polled };
}
