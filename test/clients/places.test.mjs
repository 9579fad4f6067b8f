// SPDX-License-Identifier: Apache-2.0

// Rooms with places, and documents with revisions: stock clients of two gateways, who want the same.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

import io2 from "socket.io-client-2";

import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { within } from "./inbox.mjs";
import { startRealtime, wholeFile } from "./realtime.mjs";

const manifest = fileURLToPath(new URL("places.yaml", import.meta.url));
const full = { error: { code: "room_full", rule: "rooms[0].capacity" } };

const all = wholeFile();
let service;
before(async () => {
  service = await startRealtime(all, { manifest, gateways: 2 });
});

const auth = { teams: [] };
const comers = (t, n) => Promise.all(Array.from({ length: n }, (_, i) => connect(t, service.urls[i % 2], { auth, transports: ["websocket"] })));

/** Asks until the answer is what is wanted: what another gateway has done may be on its way. */
async function until(ask, want) {
  for (;;) if (await ask() === want) return;
}

test("as many as there are places sit down at once, and no more", async (t) => {
  const clients = await comers(t, 6);
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(clients.map((c) => c.ask("sit", `game-${round}`)));
    assert.equal(answers.filter((a) => a === "seated").length, 2);
    for (const answer of answers.filter((a) => a !== "seated")) assert.deepEqual(answer, full);
    const seated = clients[answers.indexOf("seated")];
    const other = clients[answers.findIndex((a) => a !== "seated")];
    assert.equal(await seated.ask("stand", `game-${round}`), "standing");
    await until(() => other.ask("sit", `game-${round}`), "seated");
  }
});

test("a client of 2.x is told that a room is full", async (t) => {
  const [first, second] = await comers(t, 2);
  for (const c of [first, second]) assert.equal(await c.ask("sit", "game-v2"), "seated");
  const old = io2(service.urls[0], { forceNew: true, transports: ["websocket"] });
  atEnd(t, () => old.close());
  const answer = new Promise((resolve) => old.emit("sit", "game-v2", resolve));
  assert.deepEqual(await within(answer, "the answer"), full);
});

test("a place waits for a client that has lost its connection", async (t) => {
  const [ada, bob, eve] = await comers(t, 3);
  for (const c of [ada, bob]) assert.equal(await c.ask("sit", "game-wait"), "seated");
  ada.socket.io.engine.close(); // the transport alone: the client comes back by itself below
  await ada.next("disconnect");
  for (let i = 0; i < 10; i++) assert.deepEqual(await eve.ask("sit", "game-wait"), full);
  ada.socket.connect();
  await ada.next("connect");
  const [rooms, recovered] = await new Promise((resolve) => ada.socket.emit("rooms", (...answer) => resolve(answer)));
  assert.ok(recovered);
  assert.deepEqual(rooms, ["game-wait"]);
});

test("players fill rooms that somebody is in, and then open the next one", async (t) => {
  const clients = await comers(t, 6);
  const rooms = ["game-a", "game-b", "game-c"];
  const joined = await Promise.all(clients.map((c) => c.ask("play", rooms)));
  for (const room of rooms) assert.equal(joined.filter((r) => r === room).length, 2);
  assert.equal(await clients[0].ask("play", rooms), joined[0], "who plays stays there");
  const [late] = await comers(t, 1);
  assert.deepEqual(await late.ask("play", rooms), full);
  await until(async () => Object.values(await late.ask("count", rooms)).join(), "2,2,2");
});

test("of edits of one revision one is stored, and the others are told the newest", async (t) => {
  const editors = await comers(t, 4);
  const reader = await connect(t, service.urls[1], { auth });
  await reader.ask("open", "doc-1");
  let revision = 0;
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(editors.map((c, i) => c.ask("edit", "doc-1", revision, `${round} by ${i}`)));
    const stored = answers.filter((a) => a.revision);
    assert.equal(stored.length, 1);
    for (const answer of answers.filter((a) => !a.revision)) assert.deepEqual(answer, { error: { code: "conflict", revision: stored[0].revision } });
    const [change, extra] = await reader.next("edited");
    assert.equal(change, `${round} by ${answers.indexOf(stored[0])}`);
    assert.equal(extra.revision, stored[0].revision);
    const missed = await editors[0].ask("since", "doc-1", revision);
    assert.deepEqual(missed.events.map((e) => e.args), [[change]]);
    assert.equal(missed.gap, false);
    revision = stored[0].revision;
  }
});

test("teams of the handshake are joined, and who may not is told", async (t) => {
  const client = await connect(t, service.urls[0], { auth: { teams: ["red", "secret"] } });
  const [told] = await client.next("forbidden");
  assert.deepEqual(told, { room: "team-secret", code: "forbidden", rule: "rooms[2].allow.join" });
  assert.deepEqual(await client.ask("rooms"), ["team-red"]);
});
