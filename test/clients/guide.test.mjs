// SPDX-License-Identifier: Apache-2.0

// The guide's chat client, each in a process of its own, against the chat sample.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { atEnd } from "./ending.mjs";
import { Inbox, within } from "./inbox.mjs";
import { startRealtime } from "./realtime.mjs";

const program = fileURLToPath(new URL("guide-client.mjs", import.meta.url));

function startClient(t, port, transports) {
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, PORT: String(port), TRANSPORTS: transports },
    stdio: ["pipe", "pipe", "inherit"],
  });
  atEnd(t, () => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const lines = new Inbox(`the ${transports || "upgrading"} client`);
  createInterface({ input: child.stdout }).on("line", (line) => lines.put(line));
  return {
    say: (line) => child.stdin.write(line + "\n"),
    reads: (wanted) => lines.take((line) => line === wanted, JSON.stringify(wanted)),
    /** Takes the next join and returns who it was. */
    async seesJoin() {
      const line = await lines.take((line) => line.endsWith("加入了聊天室"), "a join");
      return /^系统: (用户\d+) 加入了聊天室$/.exec(line)[1];
    },
    async leave() {
      child.stdin.end();
      assert.deepEqual(await within(exited, "the client ends"), [0, null]);
    },
  };
}

const pairs = [
  { one: "", other: "" },
  { one: "polling", other: "polling" },
  { one: "websocket", other: "websocket" },
  { one: "polling", other: "websocket" },
  { one: "", other: "polling" },
];

for (const { one, other } of pairs) {
  test(`two guide clients chat: ${one || "upgrading"} and ${other || "upgrading"}`, async (t) => {
    const { ports } = await startRealtime(t);

    const ada = startClient(t, ports[0], one);
    const adasName = await ada.seesJoin();
    if (one === "") await ada.reads("upgraded: websocket");

    const bob = startClient(t, ports[0], other);
    const bobsName = await bob.seesJoin();
    assert.equal(await ada.seesJoin(), bobsName);
    if (other === "") await bob.reads("upgraded: websocket");

    ada.say("你好 <b>Bob</b> & 👋");
    await Promise.all([ada, bob].map((client) => client.reads(`${adasName}: 你好 <b>Bob</b> & 👋`)));
    bob.say("hello");
    await Promise.all([ada, bob].map((client) => client.reads(`${bobsName}: hello`)));

    for (const [client, transport] of [[ada, one], [bob, other]]) {
      client.say("/transport");
      await client.reads(`transport: ${transport || "websocket"}`);
    }

    await bob.leave();
    await ada.reads(`系统: ${bobsName} 离开了聊天室`);
    await ada.leave();
  });
}
