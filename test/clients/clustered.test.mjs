// SPDX-License-Identifier: Apache-2.0

// The example of a program of one's own in several processes (docs/examples/clustered), as a user runs it: stock clients poll
// through a load balancer that knows nothing of sessions, and a process that ends sends its clients to the others.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { before, test } from "node:test";
import { setTimeout as after } from "node:timers/promises";

import { startBalancer } from "./balancer.mjs";
import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { within } from "./inbox.mjs";
import { folder, freePorts, root, wholeFile } from "./realtime.mjs";

const all = wholeFile();
const secret = randomBytes(32).toString("base64");
let nats;

/** Runs a program until the end of the test. */
function run(t, program, args, env = {}) {
  const child = spawn(path.join(root, "dist", program), args, { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, ...env } });
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    return (await within(exited, `${program} ends`))[0];
  };
  atEnd(t, stop);
  return stop;
}

/** Resolves when a server answers so. */
async function answers(url) {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === 200) return;
    await after(20);
  }
}

async function startServers(t, count) {
  const first = await freePorts(2 * count);
  const servers = [];
  for (let n = 0; n < count; n++) {
    const port = first + 2 * n;
    const args = ["-listen", `127.0.0.1:${port}`, "-peer-listen", `127.0.0.1:${port + 1}`, "-nats-url", nats, "-drain", "1s"];
    servers.push({ port, stop: run(t, "clustered", args, { CHAT_SECRET: secret }) });
  }
  await within(Promise.all(servers.map(({ port }) => answers(`http://127.0.0.1:${port}/ready`))), "servers are ready");
  return servers;
}

before(async () => {
  const port = await freePorts(2);
  nats = `nats://127.0.0.1:${port}`;
  run(all, "nats-server", ["-a", "127.0.0.1", "-p", String(port), "-m", String(port + 1), "-js", "-sd", await folder(all)]);
  await within(answers(`http://127.0.0.1:${port + 1}/healthz`), "NATS is ready");
});

test("clients poll any of three servers", async (t) => {
  const servers = await startServers(t, 3);
  const { url, answers } = await startBalancer(t, servers.map(({ port }) => port));
  const clients = [];
  for (let i = 0; i < 6; i++) {
    const client = await connect(t, url, { transports: ["polling"], agent: false });
    assert.equal(await client.ask("enter", "tea"), "tea");
    clients.push(client);
  }
  for (const [i, client] of clients.entries()) assert.equal(await client.ask("say", "tea", `hello from ${i}`), "stored");
  for (const client of clients) {
    for (let i = 0; i < clients.length; i++) assert.equal((await client.next("said"))[0], `hello from ${i}`);
    assert.deepEqual(client.untaken("disconnect"), []);
  }
  answers.delete(200);
  assert.deepEqual([...answers], []);
});

test("a server that ends sends its clients to the other, which miss nothing", async (t) => {
  const servers = await startServers(t, 2);
  const ports = [servers[0].port];
  const { url } = await startBalancer(t, ports);
  const clients = [];
  for (let i = 0; i < 4; i++) {
    ports[0] = servers[i < 2 ? 0 : 1].port; // two have their sessions on each
    const client = await connect(t, url, { transports: ["polling"], agent: false, reconnection: true, reconnectionDelay: 50 });
    await client.ask("enter", "tea");
    clients.push(client);
  }
  ports.unshift(servers[0].port);
  const ids = clients.map(({ socket }) => socket.id);
  assert.equal(await clients[0].ask("say", "tea", "before"), "stored");
  for (const client of clients) assert.equal((await client.next("said"))[0], "before");

  const ended = servers[0].stop();
  ports.shift(); // as a Service does when a pod is no longer ready
  assert.equal(await ended, 0);
  for (const client of clients.slice(0, 2)) {
    await client.next("disconnect");
    await client.next("connect");
  }
  assert.equal(await clients[0].ask("say", "tea", "after"), "stored");
  for (const [i, client] of clients.entries()) {
    assert.equal((await client.next("said"))[0], "after");
    assert.equal(client.socket.id, ids[i]);
  }
});
