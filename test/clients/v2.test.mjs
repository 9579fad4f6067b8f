// SPDX-License-Identifier: Apache-2.0

// Clients of 2.x on two gateways of a service with recovery, behind a balancer that does not stick: others see an id of their
// sockets that is good for messages and for nothing else.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

import io2 from "socket.io-client-2";

import { startBalancer } from "./balancer.mjs";
import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: old}
spec:
  protocol: {allowEIO3: true}
  recovery: {}
  namespaces:
  - name: /
    rooms: [{name: lobby, presence: true, presenceInfo: "{'name': socket.data.name}"}]
    handlers: &handlers
    - {event: login, do: [{set: {name: "args[0]"}}, {join: "'lobby'"}, {ack: "[socket.id]"}]}
    - {event: say, do: [{emit: {event: said, rooms: ["'lobby'"], args: "[socket.data.name, args[0]]"}}]}
    - {event: whisper, do: [{emit: {event: whispered, rooms: ["args[0]"], args: "[socket.data.name, args[1]]"}}]}
  - name: /chat
    handlers: *handlers
`;

const all = wholeFile();
let ports, urls;
before(async () => {
  const manifest = path.join(await folder(all), "old.yaml");
  await writeFile(manifest, service);
  ({ ports, urls } = await startRealtime(all, { manifest, gateways: 2 }));
});

/** A client of 2.x. */
async function connect2(t, url, options = {}) {
  const socket = io2(url, { forceNew: true, agent: false, ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the 2.x client");
  for (const event of ["connect", "disconnect", "said", "whispered"]) {
    socket.on(event, (...args) => inbox.put({ event, args }));
  }
  const next = async (event) => (await inbox.take((item) => item.event === event, event)).args;
  await next("connect");
  const ask = (...args) => new Promise((resolve) => socket.emit(...args, resolve));
  return { socket, next, ask };
}

/** Joins the lobby and returns the socket's id. */
const login = ({ ask }, name) => ask("login", name);

/** The next event of a name, without the offset that recovery adds. */
const event = async (client, name) => (await client.next(name)).slice(0, 2);

/** The id of a member, as another one sees it. */
async function seen(client, name) {
  for (;;) {
    const [{ members = [], joined = [] }] = await client.next("presence");
    const member = [...members, ...joined].find(({ info }) => info?.name === name);
    if (member) return member.id;
  }
}

for (const transports of [["polling"], ["polling", "websocket"], ["websocket"]]) {
  test(`by ${transports}: the id that others see is good for messages, and for no request`, async (t) => {
    const { url } = await startBalancer(t, ports);
    const old = await connect2(t, url, { transports });
    const young = await connect(t, urls[1]);
    const name = `Ada by ${transports}`;
    const id = await login(old, name);
    assert.notEqual(id, old.socket.id);
    await login(young, "Bob");
    assert.equal(await seen(young, name), id);

    young.emit("whisper", id, "psst");
    assert.deepEqual(await event(old, "whispered"), ["Bob", "psst"]);
    old.socket.emit("whisper", young.socket.id, "what?");
    assert.deepEqual(await event(young, "whispered"), [name, "what?"]);
    young.emit("whisper", old.socket.id, "by the id that the client knows itself by");
    assert.deepEqual(await event(old, "whispered"), ["Bob", "by the id that the client knows itself by"]);

    for (const gateway of urls) {
      const answer = await fetch(`${gateway}/socket.io/?EIO=3&transport=polling&sid=${id}`, { method: "POST", body: '13:42["say","x"]' });
      assert.deepEqual([answer.status, (await answer.json()).code], [400, 1]);
    }
    old.socket.emit("say", "it is me");
    assert.deepEqual(await event(old, "said"), [name, "it is me"]);
  });
}

test("in another namespace", async (t) => {
  const { url } = await startBalancer(t, ports);
  const old = await connect2(t, `${url}/chat`, { transports: ["polling"] });
  const young = await connect(t, `${urls[1]}/chat`);
  const id = await login(old, "Ada");
  await login(young, "Bob");
  assert.match(old.socket.id, /^\/chat#/);
  for (const address of [id, old.socket.id]) {
    young.emit("whisper", address, address);
    assert.equal((await old.next("whispered"))[1], address);
  }
});

test("a client that has lost its connection comes back with another id, and its messages arrive", async (t) => {
  const old = await connect2(t, urls[0], { reconnectionDelay: 10 });
  const before = await login(old, "Ada");
  old.socket.io.engine.close();
  await old.next("disconnect");
  await old.next("connect");
  const after = await login(old, "Ada");
  assert.notEqual(after, before);
  const young = await connect(t, urls[1]);
  await login(young, "Bob");
  young.emit("whisper", after, "back?");
  assert.equal((await old.next("whispered"))[1], "back?");
});
