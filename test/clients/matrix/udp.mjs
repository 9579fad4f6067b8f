// SPDX-License-Identifier: Apache-2.0

import { createSocket } from "node:dgram";
import { once } from "node:events";

import { atEnd } from "../ending.mjs";

/** A way to the UDP port of the same host that can be cut: until it is mended, what comes is lost. */
export async function startUDPWay(t, { from, to }) {
  const near = createSocket("udp4");
  const ways = new Map(); // of each client
  let isCut = false;
  function wayOf({ address, port }) {
    const key = `${address}:${port}`;
    if (ways.has(key)) return ways.get(key);
    const far = createSocket("udp4");
    far.on("message", (data) => isCut || near.send(data, port, address));
    ways.set(key, far);
    return far;
  }
  near.on("message", (data, client) => isCut || wayOf(client).send(data, to, "127.0.0.1"));
  near.bind(from, "127.0.0.1");
  await once(near, "listening");
  atEnd(t, () => {
    isCut = true;
    return Promise.all([near, ...ways.values()].map((socket) => new Promise((resolve) => socket.close(resolve))));
  });
  return { cut: () => (isCut = true), mend: () => (isCut = false) };
}
