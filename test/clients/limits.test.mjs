// SPDX-License-Identifier: Apache-2.0

// Stock clients on two gateways of a service with limits: how they are told that they send too fast, that they come back when they are
// disconnected for it, and that a user has so many connections on all gateways.

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
metadata: {name: limited}
spec:
  protocol: {allowEIO3: true}
  authentication:
  - {name: members, tokens: {secretRef: {name: members}, from: [auth.token, query.token]}}
  limits:
    perSocket:
      events: {rate: 2, burst: 4}
      byEvent:
      - {event: flood, rate: 1, burst: 1, onExceed: Disconnect}
      - {event: typing, rate: 1, burst: 1, onExceed: Drop}
    perUser: {connections: 2}
  namespaces:
  - name: /
    handlers: &handlers
    - {event: say, do: [{ack: "['ok']"}]}
    - {event: typing, do: [{emit: {to: socket, event: typed, args: args}}]}
  - name: /members
    authentication: [members]
    handlers: *handlers
`;

const all = wholeFile();
let urls;
before(async () => {
  const dir = await folder(all);
  const manifest = path.join(dir, "limited.yaml");
  await writeFile(manifest, service);
  await mkdir(path.join(dir, "members"));
  for (const user of ["ada", "bob", "eve"]) await writeFile(path.join(dir, "members", user), tokenOf(user));
  ({ urls } = await startRealtime(all, { manifest, gateways: 2, secrets: dir }));
});

const tokenOf = (user) => `token-of-${user}-long-enough`;

/** Connects by one of the clients. The inbox has what happens, in order. */
function open(t, io, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 10, ...(io === io2 && { agent: false }), ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  for (const event of ["connect", "connect_error", "error", "disconnect", "rate_limited", "typed"]) {
    socket.on(event, (value) => inbox.put({ event, value }));
  }
  return { socket, next: (event) => inbox.take((one) => one.event === event, event), first: () => inbox.take(() => true, "anything") };
}

const ask = ({ socket }, event, ...args) => new Promise((resolve) => socket.emit(event, ...args, resolve));

/** What a client is told of a limit. */
function refused(data, limit) {
  assert.deepEqual([data.code, data.limit], ["rate_limited", limit]);
  assert.ok(Number.isInteger(data.retryAfter) && data.retryAfter > 0 && data.retryAfter <= 1000, `retryAfter is ${data.retryAfter}`);
  return data.retryAfter;
}

for (const [name, io] of Object.entries({ "4.8": io4, "3.x": io3, "2.x": io2 })) {
  test(`a ${name} client that asks for answers is told by them, and may go on when it is told to`, async (t) => {
    for (const [url, transports] of [[urls[0], ["websocket"]], [urls[1], ["polling"]]]) {
      const client = open(t, io, url, { transports });
      await client.next("connect");
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(client, "say", Buffer.from("binary too"))));
      assert.deepEqual(answers.slice(0, 4), ["ok", "ok", "ok", "ok"]);
      const { error } = answers.at(-1);
      await new Promise((resolve) => setTimeout(resolve, refused(error, "perSocket.events") + 5));
      assert.equal(await ask(client, "say"), "ok");
    }
  });

  test(`a ${name} client that asks for none is told by an event, once`, async (t) => {
    const client = open(t, io, urls[0]);
    await client.next("connect");
    for (let i = 0; i < 20; i++) client.socket.emit("say", i);
    refused((await client.next("rate_limited")).value, "perSocket.events");
    const { error } = await ask(client, "say");
    refused(error, "perSocket.events");
  });

  test(`a ${name} client is not told of what is dropped`, async (t) => {
    const client = open(t, io, urls[1]);
    await client.next("connect");
    for (let i = 0; i < 20; i++) client.socket.emit("typing", i);
    assert.deepEqual(await client.first(), { event: "typed", value: 0 });
    assert.equal(await ask(client, "say"), "ok"); // behind them, and nothing came between
  });

  test(`a ${name} client that is disconnected for a limit comes back by itself`, async (t) => {
    const client = open(t, io, urls[0], { transports: ["websocket"] });
    await client.next("connect");
    for (let i = 0; i < 3; i++) client.socket.emit("flood", i);
    assert.equal((await client.next("disconnect")).value, "transport close");
    await client.next("connect");
    assert.equal(await ask(client, "say"), "ok");
  });
}

/** Connects as a user until the gateway, which hears from the other one soon, says that there are too many. */
async function untilRefused(t, io, url, user) {
  for (;;) {
    const client = member(t, io, url, user);
    const { event, value } = await client.first();
    client.socket.close();
    if (event !== "connect") return { event, value };
  }
}

const member = (t, io, url, user) =>
  open(t, io, `${url}/members`, { reconnection: false, auth: { token: tokenOf(user) }, ...(io === io2 && { query: { token: tokenOf(user) } }) });

for (const [name, io, user] of [["4.8", io4, "ada"], ["3.x", io3, "bob"], ["2.x", io2, "eve"]]) {
  test(`a user with ${name} clients has so many connections on all gateways`, async (t) => {
    const here = member(t, io, urls[0], user);
    const there = member(t, io, urls[1], user);
    assert.deepEqual([(await here.first()).event, (await there.first()).event], ["connect", "connect"]);
    for (const url of urls) {
      const { event, value } = await untilRefused(t, io, url, user);
      if (io === io2) assert.deepEqual([event, value], ["error", { code: "too_many_connections" }]);
      else assert.deepEqual([event, value.message, value.data], ["connect_error", "Too many connections", { code: "too_many_connections" }]);
    }
    assert.equal(await ask(here, "say"), "ok");
    there.socket.close();
    for (let event; event !== "connect";) {
      const again = member(t, io, urls[0], user);
      event = (await again.first()).event;
      again.socket.close();
    }
  });
}
