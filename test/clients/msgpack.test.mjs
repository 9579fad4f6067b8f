// SPDX-License-Identifier: Apache-2.0

// Stock clients with socket.io-msgpack-parser against a manifest with `parser: msgpack`.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import parser from "socket.io-msgpack-parser";

import { connect } from "./client.mjs";
import { folder, startRealtime } from "./realtime.mjs";

const manifest = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: packed}
spec:
  protocol: {parser: msgpack}
  namespaces:
  - name: /
    handlers:
    - {event: say, do: [{emit: {event: said, args: "[{'by': socket.id, 'what': args}]"}}]}
    - {event: relay, do: [{emit: {event: relayed, to: others, args: "args"}}]}
    - {event: ask, do: [{ack: "args"}]}
  - name: /other
`;

for (const transports of [["polling"], ["websocket"], ["polling", "websocket"]]) {
  test(`msgpack by ${transports.join(" and ")}, over two gateways`, async (t) => {
    const file = path.join(await folder(t), "packed.yaml");
    await writeFile(file, manifest);
    const { urls } = await startRealtime(t, { manifest: file, gateways: 2 });
    const ada = await connect(t, urls[0], { parser, transports });
    const bob = await connect(t, urls[1], { parser, transports });

    const value = [1, -1.5, "茶", null, true, { z: [2 ** 40], a: {} }];
    ada.emit("say", ...value);
    for (const client of [ada, bob]) assert.deepEqual(await client.next("said"), [{ by: ada.socket.id, what: value }]);

    ada.emit("relay", { nested: [Buffer.from([1, 2, 3])] }, new Uint8Array(0));
    const [{ nested }, empty] = await bob.next("relayed");
    assert.deepEqual([[...nested[0]], empty.byteLength], [[1, 2, 3], 0]);

    const [answer, bytes] = await new Promise((resolve) => ada.emit("ask", "why", Buffer.from([9]), (...args) => resolve(args)));
    assert.deepEqual([answer, [...bytes]], ["why", [9]]);
  });
}

test("a client with the other parser is told, and disturbs nobody", async (t) => {
  const file = path.join(await folder(t), "packed.yaml");
  await writeFile(file, manifest);
  const { urls } = await startRealtime(t, { manifest: file });
  const ada = await connect(t, urls[0], { parser });
  const stranger = await connect(t, urls[0], { transports: ["websocket"], autoConnect: false });
  stranger.socket.connect();
  assert.deepEqual(await stranger.next("disconnect"), ["transport close"]);
  ada.emit("say", 1);
  assert.deepEqual(await ada.next("said"), [{ by: ada.socket.id, what: [1] }]);
});
