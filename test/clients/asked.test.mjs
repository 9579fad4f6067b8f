// SPDX-License-Identifier: Apache-2.0

// Stock clients on two gateways of a service that asks programs who they are: those of docs/examples, over HTTP and NATS, and one
// that refuses, hangs or is down.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { text } from "node:stream/consumers";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { connect as connectNATS } from "@nats-io/transport-node";
import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";

import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, freePorts, root, startRealtime, wholeFile } from "./realtime.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const examples = path.join(root, "docs/examples");

const service = (go, node, own) => `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: asking}
spec:
  protocol: {allowEIO3: true}
  authentication:
  - name: go
    webhook: {serviceRef: {name: accounts, port: ${go}}, path: /who}
    message: 认证失败
  - name: node
    webhook: {serviceRef: {name: accounts, port: ${node}}, path: /who}
  - name: bus
    nats: {subject: accounts.who}
    message: 认证失败
  - name: own-web
    webhook: {serviceRef: {name: own, port: ${own}}, credentialsSecretRef: {name: own}, from: [auth.token, cookie.session, query.token], timeout: 1s}
    message: 认证失败
  - name: own-bus
    nats: {subject: own.who, timeout: 1s, from: [auth.token, cookie.session, query.token]}
    message: 认证失败
  namespaces:
  - name: /go
    authentication: [go]
    handlers: &handlers
    - {event: who, do: [{ack: "[socket.user, has(socket.claims.role) ? socket.claims.role : '']"}]}
  - {name: /node, authentication: [node], handlers: *handlers}
  - {name: /bus, authentication: [bus], handlers: *handlers}
  - {name: /web, authentication: [own-web], anonymous: true, handlers: *handlers}
  - {name: /nats, authentication: [own-bus], anonymous: true, handlers: *handlers}
  - {name: /free, handlers: *handlers}
  - {name: /, authentication: [own-web], handlers: *handlers}
`;

/** Ends a program with the tests. */
function start(t, command, args, options) {
  const child = spawn(command, args, { stdio: ["pipe", "inherit", "inherit"], ...options });
  const exited = once(child, "exit");
  atEnd(t, async () => {
    child.kill();
    await exited;
  });
  return child;
}

/** A program of the tests' own. What it does depends on the token; hangs end with release. */
const own = { asked: [], down: false, hanging: [] };
async function answer(question) {
  own.asked.push(question);
  switch (question.token) {
    case "ada":
      return JSON.stringify({ user: "ada", claims: { role: "editor" } });
    case "trial":
      return JSON.stringify({ refuse: { message: "your trial has ended" } });
    case "old":
      return JSON.stringify({ refuse: { code: "token_expired" } });
    case "hang":
      await new Promise((release) => own.hanging.push(release));
  }
  return JSON.stringify({ unrecognized: true });
}

const all = wholeFile();
let urls;
before(async () => {
  const dir = await folder(all);
  const ports = [await freePorts(1), await freePorts(1), await freePorts(1)];
  const manifest = path.join(dir, "asking.yaml");
  await writeFile(manifest, service(...ports));
  await mkdir(path.join(dir, "own"));
  await writeFile(path.join(dir, "own", "token"), "of the gateways");
  const realtime = await startRealtime(all, { manifest, gateways: 2, secrets: dir });
  urls = realtime.urls;
  const [, NATS_URL] = /over NATS at (\S+) on own\.who$/.exec(await realtime.says(/over NATS at \S+ on own\.who/));

  const accounts = path.join(dir, "accounts");
  await promisify(execFile)("go", ["build", "-o", accounts, "./docs/examples/accounts"], { cwd: root });
  start(all, accounts, [], { env: { ...process.env, PORT: ports[0] } });
  start(all, process.execPath, [path.join(examples, "accounts.mjs")], { env: { ...process.env, PORT: ports[1] } });
  // From its standard input, so that it finds the packages of this folder.
  const bus = start(all, process.execPath, ["--input-type=module", "-"], { env: { ...process.env, NATS_URL }, cwd: here });
  bus.stdin.end(await readFile(path.join(examples, "accounts-nats.mjs")));

  const web = createServer(async (request, response) => {
    const known = request.headers.authorization === "Bearer of the gateways";
    if (own.down) response.statusCode = 503;
    response.end(known ? await answer(JSON.parse(await text(request))) : "a stranger asks");
  }).listen(ports[2]);
  await once(web, "listening");
  atEnd(all, () => web.close());
  const nats = await connectNATS({ servers: NATS_URL });
  atEnd(all, () => nats.close());
  const listen = () => nats.subscribe("own.who", { callback: async (_, m) => m.respond(await answer(m.json())) });
  let subscription = listen();
  await nats.flush();
  own.go = async (down) => {
    own.down = down;
    if (down) subscription.unsubscribe();
    else subscription = listen();
    await nats.flush();
  };
});

/** Connects by one of the clients; the answer is what happened first, and the socket. */
async function attempt(t, io, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, transports: ["websocket"], ...(io === io2 && { agent: false }), ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  for (const event of ["connect", "connect_error", "error"]) socket.on(event, (answer) => inbox.put({ event, answer }));
  return { socket, ...(await inbox.take(() => true, "an answer")) };
}

const who = ({ socket }) => new Promise((resolve) => socket.emit("who", (...answer) => resolve(answer)));
const refusal = ({ event, answer }) => [event, answer.message, answer.data];

/** Connects until it is admitted: the program may be starting still. */
async function admitted(t, io, url, options) {
  for (let left = 200; ; left--) {
    const client = await attempt(t, io, url, options);
    if (client.event === "connect" || !left) return client;
    client.socket.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

for (const [namespace, role, refused] of [
  ["/go", "editor", ["connect_error", "认证失败", { code: "token_invalid" }]],
  ["/node", "editor", ["connect_error", "who is ano…?", { code: "forbidden" }]],
  ["/bus", "", ["connect_error", "认证失败", { code: "token_invalid" }]],
]) {
  test(`the example in ${namespace}`, async (t) => {
    for (const url of urls) {
      const anna = await admitted(t, io4, url + namespace, { auth: { token: "an-open-secret" } });
      assert.equal(anna.event, "connect", anna.answer);
      assert.deepEqual(await who(anna), ["anna", role]);
      assert.deepEqual(refusal(await attempt(t, io4, url + namespace, { auth: { token: "another" } })), refused);
    }
  });
}

for (const namespace of ["/web", "/nats"]) {
  for (const [name, io] of Object.entries({ "4.8": io4, "3.x": io3 })) {
    for (const transports of [["websocket"], ["polling", "websocket"]]) {
      test(`a ${name} client by ${transports} in ${namespace}`, async (t) => {
        for (const url of urls) {
          const ada = await attempt(t, io, url + namespace, { transports, auth: { token: "ada" } });
          assert.deepEqual([ada.event, await who(ada)], ["connect", ["ada", "editor"]]);
          for (const [token, ...want] of [
            ["trial", "your trial has ended", { code: "forbidden" }],
            ["old", "认证失败", { code: "token_expired" }],
            ["stranger", "认证失败", { code: "token_invalid" }],
          ]) {
            assert.deepEqual(refusal(await attempt(t, io, url + namespace, { transports, auth: { token } })), ["connect_error", ...want]);
          }
          assert.deepEqual(await who(await attempt(t, io, url + namespace, { transports })), ["", ""]); // anonymous beside authenticated
        }
      });
    }
    test(`a ${name} client shows a token in a cookie in ${namespace}`, async (t) => {
      const extraHeaders = { cookie: "a=b; session=ada" };
      for (const transports of [["websocket"], ["polling"]]) {
        const ada = await attempt(t, io, urls[1] + namespace, { transports, extraHeaders, transportOptions: { polling: { extraHeaders } } });
        assert.deepEqual([ada.event, await who(ada)], ["connect", ["ada", "editor"]]);
      }
    });
  }

  test(`a program that hangs in ${namespace} holds up nobody else, and is given up`, async (t) => {
    const waits = attempt(t, io4, urls[0] + namespace, { auth: { token: "hang" } });
    assert.deepEqual(await who(await attempt(t, io4, `${urls[0]}/free`)), ["", ""]);
    assert.deepEqual(refusal(await waits), ["connect_error", "认证失败", { code: "unavailable" }]);
    for (const release of own.hanging.splice(0)) release();
  });

  test(`a program that is down in ${namespace}`, async (t) => {
    await own.go(true);
    for (let i = 0; i < 6; i++) {
      assert.deepEqual(refusal(await attempt(t, io4, urls[0] + namespace, { auth: { token: "ada" } })), ["connect_error", "认证失败", { code: "unavailable" }]);
    }
    const { programs } = await (await fetch(`${urls[0]}/status`)).json();
    assert.equal(programs.find(({ entry }) => entry === `own-${namespace === "/web" ? "web" : "bus"}`).circuit, "open");
    await own.go(false);
    const ada = await admitted(t, io4, urls[0] + namespace, { auth: { token: "ada" } });
    assert.deepEqual([ada.event, await who(ada)], ["connect", ["ada", "editor"]]);
  });
}

test("a 2.x client is told by its own event", async (t) => {
  const refused = await attempt(t, io2, urls[0], { query: { token: "trial" } });
  assert.deepEqual([refused.event, refused.answer], ["error", { code: "forbidden" }]);
  const missing = await attempt(t, io2, urls[1]);
  assert.deepEqual([missing.event, missing.answer], ["error", { code: "token_missing" }]);
  const ada = await attempt(t, io2, urls[1], { query: { token: "ada" } });
  assert.deepEqual([ada.event, await who(ada)], ["connect", ["ada", "editor"]]);
});
