// SPDX-License-Identifier: Apache-2.0

// Programs in several languages publish, those of docs/examples, and stock clients hear them.

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { connect } from "./client.mjs";
import { root, startRealtime, wholeFile } from "./realtime.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const examples = path.join(root, "docs/examples");
const token = "an open secret";

const all = wholeFile();
let service, api, env;
before(async () => {
  service = await startRealtime(all, { manifest: path.join(here, "publish.yaml"), gateways: 2, token });
  const http = await service.says(/Programs publish with the token/);
  const nats = await service.says(/or over NATS/);
  assert.ok(http.includes(`token ${token} at `));
  api = /http:\S+(?=\/v1\/)/.exec(http)[0];
  const [, NATS_URL, SUBJECT] = /NATS at (\S+) on (\S+)$/.exec(nats);
  assert.equal(SUBJECT, "realtime.emit.default.news");
  env = { ...process.env, API: api, TOKEN: token, NATS_URL, SUBJECT };
});

const run = promisify(execFile);

/** Says what is missing on this machine; in CI it has to be there. */
const hintFor = (command) => !process.env.CI && spawnSync(command, ["--version"]).error && `apt-get install ${command}`;
const hints = { curl: hintFor("curl"), python: hintFor("python3") };

for (const [language, start] of Object.entries({
  curl: () => run("sh", [path.join(examples, "emit.sh")], { env }),
  python: () => run("python3", [path.join(examples, "emit.py")], { env }),
  go: () => run("go", ["run", "./docs/examples/emit"], { env, cwd: root }),
  // From its standard input, so that it finds the packages of this folder.
  node: async () => {
    const running = run(process.execPath, ["--input-type=module", "-"], { env, cwd: here });
    running.child.stdin.end(await readFile(path.join(examples, "emit.mjs")));
    return running;
  },
})) {
  test(`${language} publishes`, { skip: hints[language] || false }, async (t) => {
    const clients = await Promise.all(service.urls.map((url) => connect(t, url)));
    const { stdout } = await start();
    assert.equal(stdout.trim(), '{"ok":true}');
    for (const client of clients) assert.deepEqual(await client.next("newMessage"), [{ username: language, message: "hello" }]);
  });
}

const emit = async (namespace, document, bearer = token) => {
  const answer = await fetch(`${api}/v1/namespaces/${encodeURIComponent(namespace)}/emit`, {
    method: "POST",
    headers: { Authorization: `Bearer ${bearer}` },
    body: JSON.stringify(document),
  });
  return [answer.status, await answer.json()];
};
const ok = [200, { ok: true }];

test("rooms, exceptions, sockets and binary data reach clients of all gateways", async (t) => {
  const [ada, bob] = await Promise.all(service.urls.map((url) => connect(t, url)));
  await ada.ask("enter", "ada's");
  await bob.ask("enter", "bob's");
  assert.deepEqual(await emit("/", { event: "room", rooms: ["bob's"] }), ok);
  assert.deepEqual(await emit("/", { event: "except", except: ["bob's"] }), ok);
  assert.deepEqual(await emit("/", { event: "socket", sockets: [bob.socket.id] }), ok);
  assert.deepEqual(await emit("/", { event: "nobody", rooms: [] }), ok);
  const picture = Buffer.from([0, 1, 254, 255]);
  assert.deepEqual(await emit("/", {
    event: "picture",
    args: [{ name: "ü.png", data: { _placeholder: true, num: 0 } }],
    binary: [picture.toString("base64")],
  }), ok);
  for (const client of [ada, bob]) assert.deepEqual(await client.next("picture"), [{ name: "ü.png", data: picture }]);
  await bob.next("room");
  await bob.next("socket");
  await ada.next("except");
  for (const client of [ada, bob]) {
    for (const event of ["room", "socket", "except", "nobody"]) assert.deepEqual(client.untaken(event), []);
  }
});

test("a dynamic namespace is reached where its clients are", async (t) => {
  const ada = await connect(t, `${service.urls[1]}/orders/7`); // the API is the first gateway's
  assert.deepEqual(await emit("/orders/7", { event: "paid", args: [7] }), ok);
  assert.deepEqual(await ada.next("paid"), [7]);
});

test("who awaits each answer keeps the order", async (t) => {
  const ada = await connect(t, service.urls[1]);
  for (let n = 0; n < 50; n++) assert.deepEqual(await emit("/", { event: "n", args: [n] }), ok);
  for (let n = 0; n < 50; n++) assert.deepEqual(await ada.next("n"), [n]);
});

test("what is refused is told", async () => {
  assert.equal((await emit("/", { event: "e" }, "a guess"))[0], 401);
  assert.deepEqual(await emit("/none", { event: "e" }), [404, { error: 'there is no namespace "/none"' }]);
  assert.deepEqual(await emit("/", { event: "e", user: ["ada"] }), [400, { error: 'unknown field "user"' }]);
  assert.deepEqual(await emit("/", { event: "e", users: ["ada"] }), [400, { error: '"users": the namespace has no authentication, so that it has no users' }]);
  assert.equal((await emit("/", { event: "connect" }))[0], 400);
  assert.equal((await emit("/", { event: "e", args: ["x".repeat(1_000_000)] }))[0], 413);
});
