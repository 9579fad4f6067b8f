// SPDX-License-Identifier: Apache-2.0

// Engine.IO by hand: requests and frames as they are on the wire.

import assert from "node:assert/strict";

import { WebSocket } from "ws";

import { atEnd } from "./ending.mjs";
import { Inbox, deadline, withResolvers, within } from "./inbox.mjs";

const separator = "\x1e";

function address(url, query) {
  return `${url}/socket.io/?${new URLSearchParams({ EIO: "4", ...query })}`;
}

/** A request for polling; query may replace or add parameters, and takes them away with undefined. */
export async function request(url, query = {}, options = {}) {
  const parameters = Object.entries({ EIO: "4", transport: "polling", ...query }).filter(([, value]) => value !== undefined);
  const response = await fetch(`${url}/socket.io/?${new URLSearchParams(parameters)}`, {
    signal: AbortSignal.timeout(deadline),
    ...options,
  });
  return { status: response.status, headers: response.headers, body: await response.text() };
}

/** A session over polling. */
export async function openPolling(url) {
  const { status, body } = await request(url);
  assert.equal(status, 200);
  assert.equal(body[0], "0");
  const { sid } = JSON.parse(body.slice(1));
  const waiting = [];
  const session = {
    url,
    sid,
    poll: () => request(url, { sid }),
    post: (...packets) => request(url, { sid }, { method: "POST", body: packets.join(separator) }),
    /** Sends packets and expects that they are taken. */
    async send(...packets) {
      const { status, body } = await session.post(...packets);
      assert.deepEqual({ status, body }, { status: 200, body: "ok" });
    },
    /** The next packet, which may have come together with others. */
    async receive() {
      while (waiting.length === 0) {
        const { status, body } = await session.poll();
        assert.equal(status, 200, body);
        waiting.push(...body.split(separator));
      }
      return waiting.shift();
    },
    /** Polls until the session is no more, and returns what came on the way. */
    async untilGone() {
      const seen = waiting.splice(0);
      for (;;) {
        const { status, body } = await session.poll();
        if (status !== 200) {
          assert.equal(status, 400);
          return seen;
        }
        seen.push(...body.split(separator));
      }
    },
  };
  return session;
}

/** A websocket connection, or what refused it: { refused: status }. It is closed with the test. */
export async function connectWebSocket(t, url, query = {}) {
  const socket = new WebSocket(address(url.replace("http", "ws"), { transport: "websocket", ...query }));
  atEnd(t, () => socket.terminate());
  const frames = new Inbox("the websocket");
  const opened = withResolvers();
  const closed = withResolvers();
  socket.on("message", (data, isBinary) => frames.put(isBinary ? data : data.toString()));
  socket.on("open", () => opened.resolve({}));
  socket.on("unexpected-response", (_, response) => {
    response.resume();
    opened.resolve({ refused: response.statusCode });
  });
  socket.on("error", () => {}); // it closes, too
  socket.on("close", (code) => {
    opened.resolve({});
    closed.resolve(code);
  });
  const { refused } = await within(opened.promise, "the websocket opens");
  return {
    refused,
    send: (...packets) => packets.forEach((packet) => socket.send(packet)),
    receive: () => frames.next("a packet"),
    expect: async (...packets) => {
      for (const packet of packets) assert.deepEqual(await frames.next(JSON.stringify(packet)), packet);
    },
    /** Resolves to the status code of the close. */
    closed: () => within(closed.promise, "the websocket closes", () => `it has ${JSON.stringify(frames.left)}`),
    close: () => socket.close(),
    left: () => frames.left,
  };
}

/** A session over websocket, with what its open packet says in open. */
export async function openWebSocket(t, url, query) {
  const socket = await connectWebSocket(t, url, query);
  assert.equal(socket.refused, undefined);
  const open = await socket.receive();
  assert.equal(open[0], "0");
  return { ...socket, open: JSON.parse(open.slice(1)) };
}
