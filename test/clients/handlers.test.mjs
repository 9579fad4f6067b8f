// SPDX-License-Identifier: Apache-2.0

// Handlers that wait, of a program on the Go library (test/handlers), as stock clients see them.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";

import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { Inbox, within } from "./inbox.mjs";
import { freePorts, root } from "./realtime.mjs";

async function start(t) {
  const port = await freePorts(1);
  const child = spawn(path.join(root, "dist/handlers"), ["-listen", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  atEnd(t, async () => {
    child.kill("SIGTERM");
    await within(exited, "the server ends");
  });
  const said = new Inbox("the server");
  createInterface({ input: child.stdout }).on("line", (line) => said.put(line));
  const url = `http://127.0.0.1:${port}`;
  const ready = async () => {
    while (!(await fetch(`${url}/ready`).catch(() => undefined))?.ok) await after(20);
  };
  await within(ready(), "the server is ready");
  return { url, said, exited };
}

for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
  const by = transports.join(" and ");

  test(`a handler that waits costs its client nothing else: ${by}`, async (t) => {
    const { url } = await start(t);
    const client = await connect(t, url, { transports, agent: false });
    const waited = client.socket.emitWithAck("wait", "");
    const behind = client.socket.emitWithAck("echo", "behind it");
    const other = client.socket.io.socket("/other");
    await within(once(other, "connect"), "another namespace is joined");
    assert.equal(await other.timeout(5000).emitWithAck("echo", "beside it"), "beside it");
    // Several pings, each of which would have to be answered.
    for (let pings = 0; pings < 10; pings++) await within(once(client.socket.io, "ping"), "the server pings");
    assert.deepEqual(client.untaken("disconnect"), []);
    assert.equal(await other.timeout(5000).emitWithAck("release", client.socket.id), "released");
    assert.equal(await within(waited, "the handler returns"), "waited");
    assert.equal(await within(behind, "the next handler returns"), "behind it");
  });

  test(`a handler asks its own client: ${by}`, async (t) => {
    const { url, said } = await start(t);
    const client = await connect(t, url, { transports, agent: false });
    client.socket.on("question", (question, answer) => answer(`${question}: yes`));
    assert.equal(await client.ask("ask me", "well"), "well: yes");
    client.socket.off("question");
    client.emit("ask me", "again");
    await client.next("question");
    client.socket.close();
    await said.take((line) => line === "unanswered", "the handler is told");
    await said.take((line) => line === "gone", "the disconnect");
  });
}

test("a handler closes the server", async (t) => {
  const { url, exited } = await start(t);
  const transports = ["websocket"]; // one that polls may find nobody any more
  const one = await connect(t, url, { transports }), other = await connect(t, url, { transports });
  one.emit("close");
  assert.deepEqual(await one.next("disconnect"), ["transport close"]);
  assert.deepEqual(await other.next("disconnect"), ["transport close"]);
  assert.deepEqual(await within(exited, "the server ends"), [0, null]);
});
