// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { connect, createServer } from "node:net";

import { atEnd } from "../ending.mjs";
import { within, withResolvers } from "../inbox.mjs";
import { startUDPWay } from "./udp.mjs";

/**
 * A way to the port that can be cut: every connection ends at once, and so do new ones until it is mended. With overUDP it is one
 * to the UDP port of that number too, with the same number here.
 */
export async function startProxy(t, port, { overUDP = false } = {}) {
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
  const udp = overUDP && await startUDPWay(t, { from: server.address().port, to: port });
  const cut = () => {
    isCut = true;
    sockets.forEach((socket) => socket.destroy());
    if (udp) udp.cut();
  };
  const mend = () => {
    isCut = false;
    if (udp) udp.mend();
  };
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
