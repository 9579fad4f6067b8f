// SPDX-License-Identifier: Apache-2.0

// Stock clients on two gateways are reached by the names of their users: by handlers and by programs, also when they come back.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";

import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: reached}
spec:
  protocol: {allowEIO3: true}
  recovery: {maxDisconnection: 1m}
  api: {tokenSecretRef: {name: publishers}}
  authentication:
  - name: people
    tokens: {secretRef: {name: people}, from: [auth.token, query.token]}
  - name: devices
    tokens: {secretRef: {name: devices}, from: [auth.token, query.token]}
  namespaces:
  - name: /
    authentication: [people, devices]
    handlers:
    - {event: tell, do: [{emit: {to: user, entry: people, user: "args[0]", event: told, args: "[args[1]]"}}, {ack: "[]"}]}
    - {event: done, do: [{ack: "[]"}]}
`;

const tokenOf = (entry, user) => `token-of-${entry}-${user}-and-no-other`;
const bearer = "an open secret";

const all = wholeFile();
let urls, api;
before(async () => {
  const dir = await folder(all);
  const manifest = path.join(dir, "reached.yaml");
  await writeFile(manifest, service);
  for (const entry of ["people", "devices"]) {
    await mkdir(path.join(dir, entry));
    for (const user of ["ada", "bob"]) await writeFile(path.join(dir, entry, user), tokenOf(entry, user));
  }
  const running = await startRealtime(all, { manifest, gateways: 2, secrets: dir, token: bearer });
  urls = running.urls;
  api = /http:\S+(?=\/v1\/)/.exec(await running.says(/Programs publish with the token/))[0];
});

const publish = async (document) => {
  const answer = await fetch(`${api}/v1/namespaces/%2F/emit`, {
    method: "POST",
    headers: { Authorization: `Bearer ${bearer}` },
    body: JSON.stringify(document),
  });
  return [answer.status, await answer.json()];
};
const ok = [200, { ok: true }];

/** Connects as a user of an entry. */
async function come(t, io, url, entry, user, options = {}) {
  const token = tokenOf(entry, user);
  const socket = io(url, {
    forceNew: true, reconnection: false, auth: { token }, query: io === io2 ? { token } : {}, ...(io === io2 && { agent: false }), ...options,
  });
  atEnd(t, () => socket.close());
  const inbox = new Inbox(`${user} of ${entry}`);
  for (const event of ["connect", "connect_error", "disconnect", "told", "paid"]) {
    socket.on(event, (arg) => inbox.put({ event, arg }));
  }
  const client = {
    socket,
    ask: (...args) => new Promise((resolve) => socket.emit(...args, resolve)),
    /** Wants what comes next. */
    next: async (event, arg) => {
      const came = await inbox.next(event);
      assert.deepEqual([came.event, ...(arg === undefined ? [] : [came.arg])], [event, ...(arg === undefined ? [] : [arg])]);
    },
    /** Wants that nothing more has come. */
    end: async () => {
      await client.ask("done");
      assert.deepEqual(inbox.left, []);
    },
  };
  await client.next("connect");
  return client;
}

for (const [name, io] of Object.entries({ "4.8": io4, "3.x": io3, "2.x": io2 })) {
  for (const transports of [["websocket"], ["polling"]]) {
    test(`${name} clients by ${transports} are reached by the name of their user`, async (t) => {
      const [near, far] = await Promise.all(urls.map((url) => come(t, io, url, "people", "ada", { transports })));
      const bob = await come(t, io, urls[1], "people", "bob", { transports });
      const device = await come(t, io, urls[0], "devices", "ada", { transports });
      await bob.ask("tell", "ada", 1);
      for (const ada of [near, far]) await ada.next("told", 1);
      assert.deepEqual(await publish({ event: "paid", args: [2], users: ["ada", "bob"], entry: "people" }), ok);
      for (const client of [near, far, bob]) await client.next("paid", 2);
      assert.deepEqual(await publish({ event: "paid", args: [3], users: ["ada"], entry: "devices" }), ok);
      await device.next("paid", 3);
      for (const client of [near, far, bob, device]) await client.end();
    });
  }
}

test("a user who is away for a moment misses nothing", async (t) => {
  const ada = await come(t, io4, urls[0], "people", "ada");
  const bob = await come(t, io4, urls[1], "people", "bob");
  await bob.ask("tell", "ada", "here");
  await ada.next("told", "here");
  for (const round of [1, 2]) {
    ada.socket.io.engine.close();
    await ada.next("disconnect");
    await bob.ask("tell", "ada", `away ${round}`);
    assert.deepEqual(await publish({ event: "paid", args: [round], users: ["ada"], entry: "people" }), ok);
    ada.socket.connect();
    await ada.next("connect");
    assert.ok(ada.socket.recovered);
    await ada.next("told", `away ${round}`);
    await ada.next("paid", round);
  }
  await ada.end();
});

test("what is refused is told", async () => {
  const [status, { error }] = await publish({ event: "paid", users: ["ada"] });
  assert.equal(status, 400);
  assert.match(error, /users are those of an entry/);
});
