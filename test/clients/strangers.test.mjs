// SPDX-License-Identifier: Apache-2.0

// Stock clients that are in no namespace: their connections end by protocol.connectTimeout, and they come back with a token.

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

const token = "0123456789abcdef";
const service = `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: strangers}
spec:
  protocol: {allowEIO3: true, connectTimeout: 1s}
  authentication: [{name: users, tokens: {secretRef: {name: users}, from: [auth.token, query.token]}}]
  namespaces: [{name: /, authentication: [users]}, {name: /chat, authentication: [users]}]
`;

const all = wholeFile();
let url;
before(async () => {
  const dir = await folder(all);
  const manifest = path.join(dir, "strangers.yaml");
  await writeFile(manifest, service);
  await mkdir(path.join(dir, "users"));
  await writeFile(path.join(dir, "users", "ada"), token);
  ({ urls: [url] } = await startRealtime(all, { manifest, secrets: dir }));
});

/** A socket, and what happens to it. */
function open(t, io, namespace, options) {
  const socket = io(url + namespace, { forceNew: true, reconnectionDelay: 50, ...(io === io2 && { agent: false }), ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  for (const event of ["connect", "connect_error", "error", "disconnect"]) socket.on(event, (answer) => inbox.put({ event, answer }));
  const manager = socket.io;
  manager.on("close", (reason) => inbox.put({ event: "close", answer: reason }));
  return { socket, manager, take: (event) => inbox.take((e) => e.event === event, event) };
}

for (const [name, io] of Object.entries({ "4.8": io4, "3.x": io3 })) {
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    test(`a refused ${name} client by ${transports} connects with a token, at once and late`, async (t) => {
      for (const late of [false, true]) {
        const ada = open(t, io, "/chat", { transports });
        await ada.take("connect_error");
        if (late) {
          // Longer than the timeout: that of another client, which begins later, has passed.
          const other = new io.Manager(url, { transports, autoConnect: false, reconnection: false });
          const closed = new Promise((resolve) => other.on("close", resolve));
          other.open();
          await closed;
        }
        ada.socket.auth = { token };
        ada.socket.connect();
        await ada.take("connect");
        ada.socket.close();
      }
    });

    test(`a ${name} client by ${transports} whose connection carries another namespace comes in by it`, async (t) => {
      const ada = open(t, io, "/", { transports, auth: { token } });
      await ada.take("connect");
      const engine = ada.manager.engine.id;
      const chat = ada.manager.socket("/chat", { auth: {} });
      atEnd(t, () => chat.close());
      const inbox = new Inbox("the other socket");
      for (const event of ["connect", "connect_error"]) chat.on(event, () => inbox.put(event));
      await inbox.take((e) => e === "connect_error", "a refusal");
      chat.auth = { token };
      chat.connect();
      await inbox.take((e) => e === "connect", "an admission");
      assert.equal(ada.manager.engine.id, engine);
    });

    test(`a ${name} client by ${transports} that connects too late finds its connection closed`, async (t) => {
      // Without autoConnect of sockets a manager is connected and in no namespace.
      const manager = new io.Manager(url, { transports, autoConnect: false, reconnection: false });
      atEnd(t, () => manager._close?.());
      const closed = new Promise((resolve) => manager.on("close", resolve));
      await new Promise((resolve, reject) => manager.open((error) => (error ? reject(error) : resolve())));
      await closed;
      const socket = manager.socket("/chat", { auth: { token } });
      atEnd(t, () => socket.close());
      await new Promise((resolve, reject) => {
        socket.on("connect", resolve);
        socket.on("connect_error", reject);
        socket.connect();
      });
    });
  }
}

test("a 2.x client, which stays after a refusal, is closed and comes back with a token", async (t) => {
  const ada = open(t, io2, "/", { transports: ["websocket"] });
  await ada.take("error");
  ada.manager.opts.query = { token };
  const { answer } = await ada.take("close");
  assert.equal(answer, "transport close");
  await ada.take("connect");
});
