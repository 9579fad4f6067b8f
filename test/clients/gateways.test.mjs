// SPDX-License-Identifier: Apache-2.0

// Clients on different gateways are in the same rooms. That NATS does not carry a room's traffic to a gateway without a
// member is counted on NATS in gateway/cluster; here it shows only in who receives what.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { startRealtime, wholeFile } from "./realtime.mjs";

const manifest = fileURLToPath(new URL("rooms.yaml", import.meta.url));

const all = wholeFile();
let urls;
before(async () => {
  ({ urls } = await startRealtime(all, { manifest, gateways: 2 }));
});

let rooms = 0;
const newRoom = (kind) => `${kind} ${++rooms}`;

/** A client of a gateway, 0 or 1, that is in a room. */
async function enter(t, gateway, room, name, options) {
  const client = await connect(t, urls[gateway], options);
  assert.deepEqual(await client.ask("enter", room, name), room);
  return client;
}

test("a room spans gateways", async (t) => {
  const room = newRoom("tea, 茶 > *.");
  const ada = await enter(t, 0, room, "Ada");
  const bob = await enter(t, 1, room, "Bob");
  assert.deepEqual(await ada.next("entered"), ["Bob"]);

  ada.emit("say", room, "hello");
  for (const client of [ada, bob]) assert.deepEqual(await client.next("said"), ["Ada", "hello"]);
  bob.emit("say", room, "你好");
  for (const client of [ada, bob]) assert.deepEqual(await client.next("said"), ["Bob", "你好"]);
});

test("every transport reaches across gateways", async (t) => {
  const room = newRoom("transports");
  const clients = [];
  for (const transport of ["polling", "websocket"]) {
    for (const gateway of [0, 1]) {
      clients.push(await enter(t, gateway, room, `${transport} ${gateway}`, { transports: [transport] }));
    }
  }
  clients[0].emit("say", room, "to all four");
  for (const client of clients) assert.deepEqual(await client.next("said"), ["polling 0", "to all four"]);
});

test("others are all but the sender", async (t) => {
  const room = newRoom("others");
  const ada = await enter(t, 0, room, "Ada");
  const bob = await enter(t, 1, room, "Bob");
  const eve = await enter(t, 0, room, "Eve");

  ada.emit("tell", room, "a secret");
  for (const client of [bob, eve]) assert.deepEqual(await client.next("told"), [room, "a secret"]);
  ada.emit("shout", "to everyone");
  for (const client of [bob, eve]) assert.deepEqual(await client.next("shouted"), ["to everyone"]);
  // What Ada emits comes back in order, so nothing else can be on its way to her.
  ada.emit("say", room, "done");
  await ada.next("said");
  assert.deepEqual([ada.untaken("told"), ada.untaken("shouted")], [[], []]);
});

test("a third room hears nothing of the others", async (t) => {
  const [first, second, third] = ["first", "second", "third"].map(newRoom);
  const ada = await enter(t, 0, first, "Ada");
  const bob = await enter(t, 1, second, "Bob");
  const eve = await enter(t, 1, third, "Eve");

  ada.emit("say", second, "only for Bob");
  assert.deepEqual(await bob.next("said"), ["Ada", "only for Bob"]);
  ada.emit("say", third, "only for Eve");
  assert.deepEqual(await eve.next("said"), ["Ada", "only for Eve"]);
  ada.emit("say", first, "only for Ada");
  assert.deepEqual(await ada.next("said"), ["Ada", "only for Ada"]);
  for (const client of [ada, bob, eve]) assert.deepEqual(client.untaken("said"), []);
});

test("who leaves a room hears it no more", async (t) => {
  const room = newRoom("leaving");
  const ada = await enter(t, 0, room, "Ada");
  const bob = await enter(t, 1, room, "Bob");

  assert.equal(await bob.ask("exit", room), false);
  assert.deepEqual(await ada.next("left"), ["Bob"]);
  ada.emit("say", room, "without Bob");
  await ada.next("said");
  ada.emit("shout", "with Bob");
  assert.deepEqual(await bob.next("shouted"), ["with Bob"]);
  assert.deepEqual(bob.untaken("said"), []);
});

test("except leaves out a room on both gateways", async (t) => {
  const room = newRoom("except");
  const inside = [await enter(t, 0, room, "Ada"), await enter(t, 1, room, "Bob")];
  const outside = [await enter(t, 0, newRoom("outside"), "Eve"), await enter(t, 1, newRoom("outside"), "Dan")];

  inside[0].emit("announce", room, "news");
  for (const client of outside) assert.deepEqual(await client.next("announced"), ["news"]);
  inside[0].emit("say", room, "done");
  for (const client of inside) {
    await client.next("said");
    assert.deepEqual(client.untaken("announced"), []);
  }
});

test("binary arguments cross gateways unchanged, also between transports", async (t) => {
  const room = newRoom("binary");
  const ada = await enter(t, 0, room, "Ada", { transports: ["polling"] });
  const bob = await enter(t, 1, room, "Bob", { transports: ["websocket"] });
  const large = Buffer.alloc(100_000, "0123456789");
  const args = [room, Buffer.from([0, 1, 254, 255]), { name: "ü.png", parts: [large, null, 1.5] }, Buffer.alloc(0)];

  for (const [from, to] of [[ada, bob], [bob, ada]]) {
    from.emit("tell", ...args);
    const told = await to.next("told");
    assert.deepEqual(told, args);
    assert.ok(Buffer.isBuffer(told[1]));
  }
});

test("an acknowledgement brings back the arguments, binary ones too", async (t) => {
  const room = newRoom("acks");
  const ada = await enter(t, 0, room, "Ada");
  const bytes = Buffer.from([1, 2, 3]);
  // emitWithAck resolves to the first argument; the callback gets all.
  const answer = await new Promise((resolve, reject) => {
    ada.socket.timeout(5000).emit("tell", room, { n: 1 }, bytes, (error, ...args) => (error ? reject(error) : resolve(args)));
  });
  assert.deepEqual(answer, [room, { n: 1 }, bytes]);
  // An event that no handler answers is acknowledged all the same.
  assert.equal(await ada.ask("shout", "x"), undefined);
});

test("a room on both gateways is asked, and who asks too", async (t) => {
  const room = newRoom("poll");
  const names = ["Ada", "Bob", "Eve"];
  const clients = await Promise.all(names.map((name, i) => enter(t, i % 2, room, name, { transports: [["polling"], ["websocket"]][i % 2] })));
  const poll = (question) => new Promise((resolve, reject) => {
    clients[0].socket.timeout(5000).emit("poll", room, question, (error, ...args) => (error ? reject(error) : resolve(args)));
  });
  clients.forEach(({ socket }, i) => socket.on("question", (question, answer) => {
    // Bob takes no questions about binary data.
    if (question === "name") answer(names[i], { "<": 1 });
    else if (i !== 1) answer(Buffer.from(names[i]));
  }));

  const [answers, missing] = await poll("name");
  assert.deepEqual(answers.sort(), names.map((name) => [name, { "<": 1 }]));
  assert.equal(missing, false);
  const [partial, someMissing] = await poll("bytes");
  assert.deepEqual(partial.map(([bytes]) => bytes.toString()).sort(), ["Ada", "Eve"]);
  assert.equal(someMissing, true);
});

test("the last words for a killed client cross over", async (t) => {
  const room = newRoom("killed");
  const ada = await enter(t, 0, room, "Ada");
  const doomed = spawn(process.execPath, ["--input-type=module", "--eval", `
    import { io } from "socket.io-client";
    const socket = io(process.argv[1], { transports: ["websocket"] });
    socket.emit("enter", process.argv[2], "Bob");
  `, urls[1], room], { cwd: path.dirname(manifest), stdio: "inherit" });
  atEnd(t, () => doomed.kill("SIGKILL"));
  assert.deepEqual(await ada.next("entered"), ["Bob"]);

  doomed.kill("SIGKILL");
  assert.deepEqual(await ada.next("gone"), ["Bob", "transport close"]);
});

test("a message of many clients arrives once at each, in the order of its sender", async (t) => {
  const room = newRoom("many");
  const names = Array.from({ length: 8 }, (_, i) => `c${i}`);
  const clients = await Promise.all(names.map((name, i) => enter(t, i % 2, room, name)));
  const each = 25;
  clients.forEach((client) => {
    for (let n = 0; n < each; n++) client.emit("say", room, n);
  });
  for (const client of clients) {
    const heard = Object.fromEntries(names.map((name) => [name, []]));
    for (let i = 0; i < names.length * each; i++) {
      const [name, n] = await client.next("said");
      heard[name].push(n);
    }
    for (const name of names) assert.deepEqual(heard[name], Array.from({ length: each }, (_, n) => n));
  }
  for (const client of clients) assert.deepEqual(client.untaken("said"), []);
});
