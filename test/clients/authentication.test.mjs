// SPDX-License-Identifier: Apache-2.0

// Stock clients on two gateways of a service that asks who they are: the guide's middleware (handshake.auth.token, or connect_error
// 认证失败) without a middleware, and the same for clients of 3.x and 2.x.

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
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: asking}
spec:
  protocol: {allowEIO3: true}
  authentication:
  - name: users
    jwt:
      issuer: https://id.example.com
      audiences: [chat]
      hmac: {secretRef: {name: chat-jwt}}
      from: [auth.token, header.authorization, cookie.session, query.token]
    message: 认证失败
  namespaces:
  - name: /chat
    authentication: [users]
    handlers: &handlers
    - {event: who, do: [{ack: "[socket.user, socket.claims]"}]}
  - name: /
    authentication: [users]
    anonymous: true
    handlers: *handlers
`;

const key = "0123456789abcdef0123456789abcdef";
const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token of Ada's for some seconds from now. */
function token(seconds = 3600, claims = {}) {
  const exp = Math.floor(Date.now() / 1000) + seconds;
  const signed = `${base64({ alg: "HS256" })}.${base64({ iss: "https://id.example.com", aud: "chat", sub: "ada", exp, ...claims })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

const all = wholeFile();
let urls;
before(async () => {
  const dir = await folder(all);
  const manifest = path.join(dir, "asking.yaml");
  await writeFile(manifest, service);
  await mkdir(path.join(dir, "chat-jwt"));
  await writeFile(path.join(dir, "chat-jwt", "first"), key);
  ({ urls } = await startRealtime(all, { manifest, gateways: 2, secrets: dir }));
});

/** Connects by one of the clients; the answer is what happened first, and the socket. */
async function attempt(t, io, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, ...(io === io2 && { agent: false }), ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  for (const event of ["connect", "connect_error", "error"]) socket.on(event, (answer) => inbox.put({ event, answer }));
  return { socket, ...(await inbox.take(() => true, "an answer")) };
}

const who = ({ socket }) => new Promise((resolve) => socket.emit("who", (user) => resolve(user)));

for (const [name, io] of Object.entries({ "4.8": io4, "3.x": io3 })) {
  for (const transports of [["websocket"], ["polling", "websocket"]]) {
    test(`a ${name} client by ${transports}`, async (t) => {
      for (const url of urls) {
        const refused = await attempt(t, io, `${url}/chat`, { transports });
        assert.deepEqual([refused.event, refused.answer.message, refused.answer.data], ["connect_error", "认证失败", { code: "token_missing" }]);
        const late = await attempt(t, io, `${url}/chat`, { transports, auth: { token: token(-60) } });
        assert.deepEqual([late.event, late.answer.message, late.answer.data], ["connect_error", "认证失败", { code: "token_expired" }]);
        const ada = await attempt(t, io, `${url}/chat`, { transports, auth: { token: token() } });
        assert.deepEqual([ada.event, await who(ada)], ["connect", "ada"]);
        assert.equal(await who(await attempt(t, io, url, { transports })), "");
      }
    });
  }
  test(`a ${name} client shows a token in a header and in a cookie`, async (t) => {
    const long = token(3600, { pad: "p".repeat(6000) });
    for (const transports of [["websocket"], ["polling"]]) {
      for (const extraHeaders of [{ authorization: `Bearer ${token()}` }, { authorization: `Bearer ${long}` }, { cookie: `a=b; session=${long}` }]) {
        const ada = await attempt(t, io, `${urls[0]}/chat`, { transports, extraHeaders, transportOptions: { polling: { extraHeaders } } });
        assert.deepEqual([ada.event, await who(ada)], ["connect", "ada"]);
      }
    }
  });
}

test("a refused client that gets a token connects by the same socket", async (t) => {
  const refused = await attempt(t, io4, `${urls[0]}/chat`);
  refused.socket.auth = { token: token() };
  const connected = new Promise((resolve) => refused.socket.once("connect", resolve));
  refused.socket.connect();
  await connected;
  assert.equal(await who(refused), "ada");
});

test("a 2.x client is told by its own event", async (t) => {
  const refused = await attempt(t, io2, `${urls[0]}/chat`);
  assert.deepEqual([refused.event, refused.answer], ["error", { code: "token_missing" }]);
  const late = await attempt(t, io2, `${urls[1]}/chat`, { query: { token: token(-60) } });
  assert.deepEqual([late.event, late.answer], ["error", { code: "token_expired" }]);
  const ada = await attempt(t, io2, `${urls[1]}/chat`, { query: { token: token() } });
  assert.deepEqual([ada.event, await who(ada)], ["connect", "ada"]);
});
