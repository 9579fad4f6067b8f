// SPDX-License-Identifier: Apache-2.0

// The manifest is edited while clients are connected.

import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { connect } from "./client.mjs";
import { folder, sample, startRealtime } from "./realtime.mjs";

const greeting = "' 加入了聊天室'";

/** A file with the chat sample, and ways to change it: in place, and as editors do. */
async function chatManifest(t) {
  const file = path.join(await folder(t), "chat.yaml");
  const original = await sample("chat");
  assert.ok(original.includes(greeting));
  const write = (text) => writeFile(file, text);
  await write(original);
  return {
    file,
    original,
    write,
    async replace(text) {
      await writeFile(file + "~", text);
      await rename(file + "~", file);
    },
  };
}

test("a changed greeting is in force at once, and nobody is disconnected", async (t) => {
  const manifest = await chatManifest(t);
  const service = await startRealtime(t, { manifest: manifest.file, gateways: 2 });
  const clients = [
    await connect(t, service.urls[0]),
    await connect(t, service.urls[1], { transports: ["polling"] }),
  ];
  const ids = clients.map((client) => client.socket.id);

  const greets = async (name, words) => {
    clients[0].emit("join", name);
    for (const client of clients) assert.deepEqual(await client.next("systemMessage"), [name + words]);
  };
  await greets("Ada", " 加入了聊天室");
  await manifest.write(manifest.original.replace(greeting, "' is here'"));
  await service.says(/chat\.yaml is in force/);
  await greets("Bob", " is here");
  await manifest.replace(manifest.original.replace(greeting, "' came back'"));
  await service.says(/chat\.yaml is in force/);
  await greets("Eve", " came back");

  // What a socket had set stays with it.
  clients[0].emit("chatMessage", "hello");
  const [message] = await clients[1].next("newMessage");
  assert.deepEqual({ ...message, timestamp: "" }, { username: "Eve", message: "hello", timestamp: "" });
  assert.match(message.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(clients.map((client) => client.socket.id), ids);
  for (const client of clients) assert.deepEqual(client.untaken("disconnect"), []);
});

test("a broken manifest is printed with its path and reason, and the old one stays in force", async (t) => {
  const manifest = await chatManifest(t);
  const service = await startRealtime(t, { manifest: manifest.file });
  const client = await connect(t, service.urls[0]);

  const mistakes = [
    ["an expression that does not compile", [greeting, "' 加入了聊天室"], /spec\.namespaces\[0\]\.handlers\[0\]\.do\[1\]\.emit\.args: /],
    ["a variable that is none", ["args[0] + ", "arguments[0] + "], /spec\.namespaces\[0\]\.handlers\[0\]\.do\[1\]\.emit\.args: .*arguments/],
    ["a field that is none", ["event: join", "evnt: join"], /spec\.namespaces\[0\]\.handlers\[0\].*evnt/],
    ["a value that is none", ["to: everyone", "to: nobody"], /spec\.namespaces\[0\]\.handlers\[0\]\.do\[1\]\.emit\.to: .*nobody/],
    ["no YAML", ["spec:", "spec: ["], /line \d+/],
  ];
  for (const [i, [name, [from, to], reason]] of mistakes.entries()) {
    await t.test(name, async () => {
      const broken = manifest.original.replace(from, to);
      assert.notEqual(broken, manifest.original);
      await manifest.write(broken);
      await service.says(/chat\.yaml is refused, the old one stays in force:/);
      await service.says(reason);
      client.emit("join", `Ada ${i}`);
      assert.deepEqual(await client.next("systemMessage"), [`Ada ${i} 加入了聊天室`]);
    });
  }

  await manifest.write(manifest.original.replace(greeting, "' is here'"));
  await service.says(/chat\.yaml is in force/);
  client.emit("join", "Ada");
  assert.deepEqual(await client.next("systemMessage"), ["Ada is here"]);
  assert.deepEqual(client.untaken("disconnect"), []);
});

test("a namespace that is added can be connected to", async (t) => {
  const manifest = await chatManifest(t);
  const service = await startRealtime(t, { manifest: manifest.file });
  const early = await connect(t, `${service.urls[0]}/news`, { autoConnect: false });
  early.socket.connect();
  assert.deepEqual(await early.next("connect_error"), ["Invalid namespace"]);

  await manifest.write(manifest.original + "  - name: /news\n");
  await service.says(/chat\.yaml is in force/);
  await connect(t, `${service.urls[0]}/news`);
});
