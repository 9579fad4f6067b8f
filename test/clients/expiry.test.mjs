// SPDX-License-Identifier: Apache-2.0

// Stock clients on two gateways whose tokens end while they are connected, and what they do then: they connect again by themselves,
// with the token that they have by then, or renew it before.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";

import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { runtimes } from "./matrix/runtimes.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: expiring}
spec:
  protocol: {allowEIO3: true}
  recovery: {maxDisconnection: 1m}
  revocation: {keep: 1h}
  api: {tokenSecretRef: {name: publishers}}
  authentication:
  - name: users
    jwt:
      issuer: https://id.example.com
      audiences: [chat]
      hmac: {secretRef: {name: chat-jwt}}
      from: [auth.token, query.token]
      leeway: 100ms
    onExpiry: {warn: 500ms, grace: 100ms}
  namespaces:
  - name: /
    authentication: [users]
    rooms:
    - {name: "team-{team}", allow: {join: "room.params.team in socket.claims.teams"}}
    handlers:
    - {event: who, do: [{ack: "[socket.user]"}]}
    - {event: enter, do: [{join: "args[0]"}, {ack: "['in']"}]}
    - {event: '*', do: [{emit: {to: others, event: relayed, args: "[event]"}}]}
`;

const key = "0123456789abcdef0123456789abcdef";
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of Ada's for some seconds from now. */
function token(seconds = 3600, claims = {}) {
  const exp = Date.now() / 1000 + seconds;
  const signed = `${base64({ alg: "HS256" })}.${base64({ iss: "https://id.example.com", aud: "chat", sub: "ada", exp, ...claims })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

const all = wholeFile();
let urls, api;
before(async () => {
  const dir = await folder(all);
  const manifest = path.join(dir, "expiring.yaml");
  await writeFile(manifest, service);
  await mkdir(path.join(dir, "chat-jwt"));
  await writeFile(path.join(dir, "chat-jwt", "first"), key);
  const running = await startRealtime(all, { manifest, gateways: 2, secrets: dir, token: "an open secret" });
  urls = running.urls;
  api = /http:\S+(?=\/v1\/)/.exec(await running.says(/Programs publish with the token/))[0];
});

/** A client, and what happens to it. */
function connect(t, io, url, options) {
  const socket = io(url, { forceNew: true, reconnectionDelay: 10, ...(io === io2 && { agent: false }), ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  for (const event of ["connect", "disconnect", "connect_error", "error", "token_expires", "forbidden", "relayed"]) {
    socket.on(event, (answer) => inbox.put({ event, answer, recovered: socket.recovered }));
  }
  return { socket, next: () => inbox.take(() => true, "what comes next") };
}

const who = (socket) => new Promise((resolve) => socket.emit("who", (user) => resolve(user)));

for (const [name, io, recovers] of [["4.8", io4, true], ["3.x", io3, false]]) {
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    test(`a ${name} client by ${transports} comes back with a new token`, async (t) => {
      const tokens = [token(1), token()];
      const { socket, next } = connect(t, io, urls[0], { transports, auth: (done) => done({ token: tokens.shift() }) });
      assert.equal((await next()).event, "connect");
      const { event, answer } = await next();
      assert.equal(event, "token_expires");
      assert.ok(answer.in <= 500 && Math.abs(answer.expiresAt - Date.now()) < 1000, `${answer.in} ms until ${answer.expiresAt}`);
      const lost = await next();
      assert.deepEqual([lost.event, lost.answer], ["disconnect", transports.length > 1 || transports[0] === "websocket" ? "transport close" : "transport error"]);
      const back = await next();
      assert.deepEqual([back.event, back.recovered ?? false, tokens.length], ["connect", recovers, 0]);
      assert.equal(await who(socket), "ada");
    });
  }
}

test("a 2.x client comes back with a new token", async (t) => {
  const { socket, next } = connect(t, io2, urls[1], { query: { token: token(1) } });
  socket.on("reconnect_attempt", () => { socket.io.opts.query = { token: token() }; });
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((await next()).event);
  assert.deepEqual(seen, ["connect", "token_expires", "disconnect", "connect"]);
  assert.equal(await who(socket), "ada");
});

for (const { name, hint, start } of runtimes.filter(({ name }) => name.startsWith("Python"))) {
  for (const transports of [["websocket"], ["polling"]]) {
    test(`${name} by ${transports} comes back with a new token`, async (t) => {
      if (hint && !process.env.CI) return t.skip(hint);
      assert.ok(!hint, hint);
      const client = await start(t);
      client.obey({ do: "connect", url: urls[0], transports, tokens: [token(1), token()], events: ["token_expires"] });
      for (const event of ["connect", "token_expires", "disconnect", "connect"]) {
        await client.inbox.take((told) => told.event === event, event);
      }
      client.obey({ do: "ask", event: "who", args: [] });
      assert.deepEqual((await client.inbox.take((told) => told.event === "ack", "the answer")).args, ["ada"]);
    });
  }
}

test("a client that has no newer token is told so", async (t) => {
  const { next } = connect(t, io4, urls[0], { transports: ["websocket"], auth: { token: token(0.3) } });
  const seen = [await next(), await next(), await next(), await next()];
  assert.deepEqual(seen.map(({ event }) => event), ["connect", "token_expires", "disconnect", "connect_error"]);
  assert.deepEqual(seen[3].answer.data, { code: "token_expired" });
});

async function revoke(document) {
  const headers = { authorization: "Bearer an open secret" };
  const answer = await fetch(`${api}/v1/revocations`, { method: "POST", headers, body: JSON.stringify(document) });
  assert.deepEqual(await answer.json(), { ok: true });
}

for (const [name, io] of [["4.8", io4], ["3.x", io3], ["2.x", io2]]) {
  test(`a ${name} client whose token is revoked is refused as it comes back, until it has another`, async (t) => {
    const show = (token) => (io === io2 ? { query: { token } } : { auth: { token } });
    for (const url of urls) {
      const jti = `of a ${name} client at ${url}`;
      const { socket, next } = connect(t, io, url, { transports: ["websocket"], ...show(token(3600, { jti })) });
      assert.equal((await next()).event, "connect");
      const begin = Date.now();
      await revoke({ id: jti });
      const lost = await next();
      assert.deepEqual([lost.event, lost.answer], ["disconnect", "transport close"]);
      assert.ok(Date.now() - begin < 1000, `the client was disconnected after ${Date.now() - begin} ms`);
      const refused = await next();
      assert.deepEqual([refused.event, refused.answer.data ?? refused.answer], [io === io2 ? "error" : "connect_error", { code: "token_invalid" }]);
      if (io === io4) {
        socket.auth = { token: token() };
        socket.connect();
        const back = await next();
        assert.deepEqual([back.event, back.recovered], ["connect", true]);
      }
      socket.close();
    }
  });
}

test("a client whose token is revoked while it is away is not recovered", async (t) => {
  const tokens = [token(3600, { jti: "lost" }), token(3600, { jti: "lost" }), token()];
  const { socket, next } = connect(t, io4, urls[1], { transports: ["websocket"], reconnectionDelay: 500, auth: (done) => done({ token: tokens.shift() }) });
  assert.equal((await next()).event, "connect");
  socket.io.engine.close();
  assert.equal((await next()).event, "disconnect");
  await revoke({ id: "lost" });
  const refused = await next();
  assert.deepEqual([refused.event, refused.answer.data], ["connect_error", { code: "token_invalid" }]);
  socket.connect();
  const back = await next();
  assert.deepEqual([back.event, back.recovered], ["connect", true]); // the same user, by a token that is valid
});

test("a client that renews its token stays, and leaves the rooms in which it may not be", async (t) => {
  const other = connect(t, io4, urls[1], { auth: { token: token() } });
  assert.equal((await other.next()).event, "connect");
  const { socket, next } = connect(t, io4, urls[0], { auth: { token: token(1, { teams: ["red", "blue"] }) } });
  const expired = connect(t, io4, urls[0], { auth: { token: token(1) }, reconnection: false });
  assert.equal((await next()).event, "connect");
  for (const team of ["red", "blue"]) assert.equal(await socket.emitWithAck("enter", `team-${team}`), "in");
  assert.equal((await next()).event, "token_expires");
  const answer = await socket.emitWithAck("renew_token", { token: token(3600, { teams: ["blue"] }) });
  assert.ok(answer.ok && answer.expires > Date.now() + 3_000_000, JSON.stringify(answer));
  assert.deepEqual((await next()).answer, { room: "team-red", code: "forbidden", rule: "rooms[0].allow.join" });
  assert.deepEqual(await socket.emitWithAck("renew_token", { token: token(3600, { sub: "bob" }) }), { error: { code: "forbidden" } });
  while ((await expired.next()).event !== "disconnect");
  assert.ok(socket.connected);
  assert.equal(await socket.emitWithAck("who"), "ada");
  const relayed = [];
  while (relayed.at(-1) !== "who") {
    const { event, answer } = await other.next();
    if (event === "relayed") relayed.push(answer);
  }
  assert.deepEqual(relayed, ["enter", "enter", "who"]); // and no token
});
