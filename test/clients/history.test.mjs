// SPDX-License-Identifier: Apache-2.0

// A history may be far longer than what may wait for a client: one that reads gets all of it, over every transport, and
// then what is said.

import assert from "node:assert/strict";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { connect } from "./client.mjs";
import { startRealtime, wholeFile } from "./realtime.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const events = 100;
const text = "h".repeat(100_000);

const all = wholeFile();
let service, ada;
before(async () => {
  service = await startRealtime(all, { manifest: path.join(here, "history.yaml") });
  ada = await connect(all, service.urls[0]);
  for (let i = 0; i < events; i++) {
    const content = i % 10 === 9 ? Buffer.from(text) : text;
    assert.equal(await ada.ask("say", i, content), "stored");
  }
});

/** Takes the whole history, in order and once. */
async function wantHistory(client) {
  for (let i = 0; i < events; i++) {
    const [number, content] = await client.next("said");
    assert.equal(number, i);
    assert.equal(content.length ?? content.byteLength, text.length);
  }
}

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  test(`a history of 10 MB comes over ${transports.join(", then ")}`, async (t) => {
    const client = await connect(t, service.urls[0], { transports });
    client.emit("enter");
    await wantHistory(client);
    assert.deepEqual(client.untaken("said"), []);
    assert.ok(client.socket.connected);
  });
}

test("what is said while a history is on its way comes behind it", async (t) => {
  const client = await connect(t, service.urls[0], { transports: ["websocket"] });
  client.emit("enter");
  assert.equal(await ada.ask("say", events, text), "stored");
  const numbers = [];
  do numbers.push((await client.next("said"))[0]);
  while (numbers.at(-1) !== events);
  const from = numbers[0]; // the room may have had the last one before the client came
  assert.ok(from === 0 || from === 1);
  assert.deepEqual(numbers, Array.from({ length: events + 1 - from }, (_, i) => i + from));
});
