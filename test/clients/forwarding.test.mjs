// SPDX-License-Identifier: Apache-2.0

// Stock clients behind a load balancer that knows nothing of sessions: whatever gateway a request reaches, none is refused.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

import io2 from "socket.io-client-2";

import { startBalancer } from "./balancer.mjs";
import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const all = wholeFile();
let ports;
before(async () => {
  const text = await readFile(new URL("rooms.yaml", import.meta.url), "utf8");
  const manifest = path.join(await folder(all), "rooms.yaml");
  await writeFile(manifest, text.replace(/^spec:\n/m, "spec:\n  protocol: {allowEIO3: true}\n"));
  ({ ports } = await startRealtime(all, { manifest, gateways: 3 }));
});

/** How long clients talk; once if it is 0. */
const seconds = Number(process.env.FORWARDING_SECONDS ?? 0);

const kinds = {
  "polling alone": { transports: ["polling"] },
  "polling and the upgrade": { transports: ["polling", "websocket"] },
  "websocket alone": { transports: ["websocket"] },
};

for (const [kind, options] of Object.entries(kinds)) {
  test(`${kind}: no request is refused`, async (t) => {
    const { url, answers } = await startBalancer(t, ports);
    const room = `room of ${kind}`;
    const clients = [];
    for (let i = 0; i < 6; i++) {
      const client = await connect(t, url, { ...options, agent: false });
      assert.deepEqual(await client.ask("enter", room, `c${i}`), room);
      clients.push(client);
    }
    const each = 20;
    const large = "x".repeat(50_000);
    const end = Date.now() + 1000 * seconds;
    do {
      clients.forEach((client) => {
        for (let n = 0; n < each; n++) client.emit("say", room, n % 10 === 0 ? `${n} ${large}` : `${n} `);
      });
      for (const client of clients) {
        const heard = new Map();
        for (let i = 0; i < clients.length * each; i++) {
          const [name, text] = await client.next("said");
          heard.set(name, [...(heard.get(name) ?? []), Number.parseInt(text)]);
        }
        for (const said of heard.values()) assert.deepEqual(said, Array.from({ length: each }, (_, n) => n));
        assert.deepEqual(client.untaken("disconnect"), []);
      }
    } while (Date.now() < end);
    if (options.transports.includes("websocket")) {
      for (const client of clients) assert.equal(client.socket.io.engine.transport.name, "websocket");
    }
    answers.delete(200);
    assert.deepEqual([...answers], []);
  });
}

test("a 2.x client: no request is refused", async (t) => {
  const { url, answers } = await startBalancer(t, ports);
  const socket = io2(url, { forceNew: true, reconnection: false, agent: false });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the 2.x client");
  for (const event of ["connect", "connect_error", "disconnect", "said"]) socket.on(event, (...args) => inbox.put({ event, args }));
  const next = async (event) => (await inbox.take((item) => item.event === event, event)).args;
  await next("connect");
  await new Promise((resolve) => socket.emit("enter", "old", "Ada", resolve));
  for (let n = 0; n < 20; n++) {
    socket.emit("say", "old", n);
    assert.deepEqual(await next("said"), ["Ada", n]);
  }
  answers.delete(200);
  assert.deepEqual([...answers], []);
});
