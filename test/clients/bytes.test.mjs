// SPDX-License-Identifier: Apache-2.0

// Relayed values keep their bytes. JavaScript holds no 64-bit id, so packets are compared as text;
// clients in Python and Go send ids as integers.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import parser from "socket.io-msgpack-parser";

import { connect } from "./client.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";
import { openWebSocket } from "./wire.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);

const all = wholeFile();
let urls;
before(async () => {
  ({ urls } = await startRealtime(all, { manifest: path.join(here, "bytes.yaml"), gateways: 2 }));
});

/** A websocket in the main namespace. */
async function enter(t, url) {
  const socket = await openWebSocket(t, url);
  socket.send("40");
  assert.match(await socket.receive(), /^40/);
  return socket;
}

const values = [
  "9007199254740993", "1297012345678901234", "18446744073709551615", "-9007199254740993", "1.0", "1e400", "-0", "123456789012345678901234567890",
  '"caf\\u00e9 \\/"', '{"id":9007199254740993,"b":1.0,"a":[1e2,{"n":1297012345678901234}]}', '[[9007199254740993],"\\u003c"]',
];

/** What each event of bytes.yaml makes of a value. */
const forms = {
  all: (v) => [v, v],
  one: (v) => [v, v],
  id: (v) => [`{"id":${v}}`, v],
  wrap: (v) => [v, `{"v":${v}}`],
  two: (v) => [`${v},"x\\u0041"`, `${v},"x\\u0041"`],
  choose: (v) => [`{"id":${v}}`, v],
  each: (v) => [`[${v},${v}]`, `${v},${v}`],
  keep: (v) => [v, v],
};

test("values reach clients of all gateways as they were sent", async (t) => {
  const ada = await enter(t, urls[0]);
  const [bob, eve] = [await enter(t, urls[0]), await enter(t, urls[1])];
  for (const value of values) {
    for (const [event, form] of Object.entries(forms)) {
      const [sent, received] = form(value);
      ada.send(`42["${event}",${sent}]`);
      for (const socket of [bob, eve]) await socket.expect(`42["out",${received}]`);
    }
    ada.send(`427["echo",${value},{"x":${value}}]`);
    await ada.expect(`437[${value},{"x":${value}}]`);
  }
});

test("with attachments, too", async (t) => {
  const ada = await enter(t, urls[0]);
  const [bob, eve] = [await enter(t, urls[0]), await enter(t, urls[1])];
  const [first, second] = [Buffer.from([1, 2, 3]), Buffer.from([4])];
  const place = (n) => `{"_placeholder":true,"num":${n}}`;
  for (const value of values) {
    for (const [event, form] of Object.entries(forms)) {
      const [sent, received] = form(`{"n":${value},"deep":[${place("N")},1.0]}`);
      const count = received.split(place("N")).length - 1;
      let n = 0;
      const numbered = sent.replaceAll('"num":N', () => `"num":${n++}`);
      ada.send(`45${n}-["${event}",${numbered}]`, ...[first, second].slice(0, n));
      n = 0;
      const expected = received.replaceAll('"num":N', () => `"num":${n++}`);
      for (const socket of [bob, eve]) await socket.expect(`45${count}-["out",${expected}]`, ...[first, second].slice(0, count));
    }
  }
  // Only the second of two is passed on.
  ada.send(`452-["id",{"x":${place(0)},"id":{"n":1.0,"y":${place(1)}}}]`, first, second);
  for (const socket of [bob, eve]) await socket.expect(`451-["out",{"n":1.0,"y":${place(0)}}]`, second);
});

test("numbers read as text and compare as what they are", async (t) => {
  const ada = await enter(t, urls[0]);
  for (const [value, text] of [["1234567", "1234567"], ["1.0", "1"], ["9007199254740993", "9007199254740993"], ["0.000001", "0.000001"], ["1e21", "1e+21"]]) {
    ada.send(`421["text",${value}]`);
    await ada.expect(`431["${text}"]`);
    ada.send(`422["room",${value}]`);
    assert.ok((await ada.receive()).includes(`"order-${text}"`));
  }
  for (const [a, b, same] of [["9007199254740993", "9007199254740992", false], ["1297012345678901234", "1297012345678901234", true], ["1.0", "1", true]]) {
    ada.send(`423["same",${a},${b}]`);
    await ada.expect(`433[${same},${same}]`);
  }
});

const ids = ["9007199254740993", "1297012345678901234", "18446744073709551615"];

/** What another client of another gateway receives of the ids that a program has sent. */
async function expectIds(socket) {
  for (const id of ids) await socket.expect(`42["out",{"v":${id}}]`, `42["out",${id}]`);
}

const python = process.env.PYTHON ?? "/usr/bin/python3";
const noPython = !process.env.CI && spawnSync(python, ["-c", "import socketio, websocket, requests"]).status !== 0 && "apt-get install python3-socketio python3-websocket";
test("python-socketio's integers", { skip: noPython }, async (t) => {
  const bob = await enter(t, urls[1]);
  const { stdout } = await run(python, ["-B", path.join(here, "python/ids.py"), urls[0], ...ids]);
  assert.equal(stdout, ids.map((id) => `[${id}, {"id": [${id}]}]\n`).join(""));
  await expectIds(bob);
});

test("a Go client's integers", async (t) => {
  const bob = await enter(t, urls[1]);
  const { stdout } = await run("go", ["run", "-C", path.join(here, "go"), ".", urls[0], ...ids]);
  assert.equal(stdout, ids.map((id) => `${id}\n`).join(""));
  await expectIds(bob);
});

test("msgpack values keep their types", async (t) => {
  const manifest = path.join(await folder(t), "packed.yaml");
  await writeFile(manifest, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: packed}
spec:
  protocol: {parser: msgpack}
  namespaces:
  - name: /
    handlers:
    - {event: one, do: [{emit: {to: others, event: out, args: "[{'v': args[0]}]"}}]}
    - {event: keep, do: [{set: {v: "args[0]"}}, {ack: "[socket.data.v]"}]}
`);
  const packed = await startRealtime(t, { manifest, gateways: 2 });
  const ada = await connect(t, packed.urls[0], { parser, transports: ["websocket"] });
  const bob = await connect(t, packed.urls[1], { parser, transports: ["websocket"] });

  // As clients in other languages pack them: an integer, a float64 and a float32 of the same value,
  // and integers of 64 bits.
  const raw = await openWebSocket(t, packed.urls[1]);
  raw.send(parts("83 a474797065 00 a36e7370 a12f a464617461 80"));
  await raw.receive();
  const event = (name, value) => parts(`83 a474797065 02 a36e7370 a12f a464617461 92 ${text(name)} ${value}`);
  for (const value of ["01", "cb3ff0000000000000", "ca3f800000", "cf0020000000000001", "cfffffffffffffffff", "d38000000000000000", "ca3dcccccd", "cb7ff0000000000000"]) {
    const sender = await openWebSocket(t, packed.urls[0]);
    sender.send(parts("83 a474797065 00 a36e7370 a12f a464617461 80"));
    await sender.receive();
    sender.send(event("one", value));
    assert.equal((await raw.receive()).toString("hex"), event("out", `81 a176 ${value}`).toString("hex"));
    assert.equal((await bob.next("out")).length, 1);
    sender.close();
  }

  ada.emit("one", { there: null, absent: undefined, list: [undefined, 1.5], big: 2 ** 53, small: -(2 ** 40) });
  const [{ v }] = await bob.next("out");
  assert.deepEqual(v, { there: null, list: [null, 1.5], big: 2 ** 53, small: -(2 ** 40) });
  assert.ok(!("absent" in v));
  const kept = await ada.ask("keep", { a: [1.5, Infinity, { absent: undefined }] });
  assert.deepEqual(kept, { a: [1.5, Infinity, {}] });
  assert.deepEqual(Object.keys(kept.a[2]), []);
});

/** Bytes of hexadecimal digits. */
function parts(hex) {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

/** A short string in msgpack, in hexadecimal digits. */
function text(value) {
  return (0xa0 + value.length).toString(16) + Buffer.from(value).toString("hex");
}
