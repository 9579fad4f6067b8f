// SPDX-License-Identifier: Apache-2.0

// python-socketio by polling, whose engine takes 16 packets in the answer to a poll and drops the connection for more.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { connect } from "./client.mjs";
import { runtimes } from "./matrix/runtimes.mjs";
import { folder, startRealtime } from "./realtime.mjs";

const manifest = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: bursts}
spec:
  recovery: {}
  namespaces:
  - name: /
    rooms:
    - {name: lobby, history: {}}
    handlers:
    - event: say
      do:
      - emit: {rooms: ["'lobby'"], event: said, args: args}
      - ack: "[]"
    - event: join
      do:
      - join: "'lobby'"
`;

for (const { name, hint, start } of runtimes.filter(({ name }) => name.startsWith("Python"))) {
  test(`${name}: a room's history of 40 events, and a burst of 40 more, by polling`, async (t) => {
    if (hint && !process.env.CI) return t.skip(hint);
    assert.ok(!hint, hint);
    const file = path.join(await folder(t), "bursts.yaml");
    await writeFile(file, manifest);
    const { urls: [url] } = await startRealtime(t, { manifest: file });
    const speaker = await connect(t, url);
    const say = (from) => Promise.all(Array.from({ length: 40 }, (_, i) => speaker.ask("say", from + i)));
    await say(0);

    const client = await start(t);
    client.obey({ do: "connect", url, transports: ["polling"], events: ["said"] });
    const next = (event) => client.inbox.take((told) => told.event === event, event);
    await next("connect");
    client.obey({ do: "emit", event: "join", args: [] });
    const seen = [];
    for (let i = 0; i < 40; i++) seen.push((await next("said")).args[0]);
    await say(40);
    for (let i = 0; i < 40; i++) seen.push((await next("said")).args[0]);
    seen.sort((a, b) => a - b); // the synchronous client handles each packet in a thread of its own
    assert.deepEqual(seen, Array.from({ length: 80 }, (_, i) => i));
    assert.deepEqual(client.inbox.left.filter(({ event }) => event === "disconnect"), []);
  });
}
