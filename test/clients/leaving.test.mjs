// SPDX-License-Identifier: Apache-2.0

// One of two gateways leaves, as in a rollout: stock clients come back to the other one, each once, and not all together.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect as dial, createServer } from "node:net";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { io } from "socket.io-client";

import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, program, startRealtime } from "./realtime.mjs";

const rate = 50;
const count = 200;

/** A gateway as in a pod. */
async function startGateway(t, name, config, nats) {
  const args = ["gateway", "--config", config, "--name", name, "--nats-url", nats, "--listen", "127.0.0.1:0",
    "--ops-listen", "127.0.0.1:0", "--drain", "1s", "--drain-limit", "1h"];
  const child = spawn(program, args, { stdio: ["ignore", "inherit", "pipe"] });
  const exited = once(child, "exit");
  atEnd(t, async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const lines = new Inbox(name);
  createInterface({ input: child.stderr }).on("line", (line) => lines.put(JSON.parse(line)));
  const { clients, ops } = await lines.take((line) => line.ops, "where it listens");
  return {
    exited,
    leave: () => child.kill("SIGTERM"),
    port: Number(clients.split(":").pop()),
    ready: async () => (await fetch(`http://${ops}/readyz`)).ok,
    status: async () => (await fetch(`http://${ops}/status`)).json(),
  };
}

/** What a Service does: each connection goes to the next gateway that is ready. */
async function startBalancer(t, gateways) {
  let next = 0;
  const open = new Set();
  const server = createServer(async (client) => {
    open.add(client);
    client.on("error", () => {}).on("close", () => open.delete(client));
    const turn = next++;
    const ready = (await Promise.all(gateways.map(async (g) => (await g.ready().catch(() => false)) && g))).filter(Boolean);
    const upstream = dial(ready[turn % ready.length].port, "127.0.0.1");
    upstream.on("error", () => client.destroy()).on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    for (const client of open) client.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** How many times fall into each quarter of a second, from the first on. */
function perQuarter(times) {
  const first = Math.min(...times);
  const counts = [];
  for (const time of times) {
    const i = Math.floor((time - first) / 250);
    counts[i] = (counts[i] ?? 0) + 1;
  }
  return Array.from(counts, (n) => n ?? 0);
}

test("a gateway that leaves hands its clients over at the rate, each once", { timeout: 60_000 }, async (t) => {
  const dev = await startRealtime(t, { manifest: fileURLToPath(new URL("publish.yaml", import.meta.url)) });
  const [, nats] = /NATS at (\S+) on/.exec(await dev.says(/or over NATS/));
  const config = path.join(await folder(t), "service.yaml");
  await writeFile(config, JSON.stringify({
    metadata: { name: "leaving", namespace: "default" },
    spec: {
      gateway: { drain: { rate } },
      protocol: { path: "/socket.io/", pingInterval: "25s", pingTimeout: "20s", connectTimeout: "45s", maxPayload: "1M" },
      namespaces: [{ name: "/" }],
    },
  }));
  const gateways = await Promise.all(["one", "two"].map((name) => startGateway(t, name, config, nats)));
  for (const g of gateways) while (!await g.ready()) await new Promise(setImmediate);
  const url = await startBalancer(t, gateways);

  const clients = Array.from({ length: count }, () => {
    const client = { connected: [], disconnected: [], errors: [], socket: io(url, { forceNew: true, transports: ["websocket"] }) };
    atEnd(t, () => client.socket.close());
    client.socket.on("connect", () => client.connected.push(Date.now()));
    client.socket.on("disconnect", (reason) => client.disconnected.push({ reason, at: Date.now() }));
    client.socket.on("connect_error", (error) => client.errors.push(error.message));
    return client;
  });
  await Promise.all(clients.map(({ socket }) => once(socket, "connect")));
  assert.deepEqual(await Promise.all(gateways.map(async (g) => (await g.status()).connections)), [count / 2, count / 2]);

  const again = new Promise((resolve) => {
    let left = count / 2;
    for (const { socket } of clients) socket.on("connect", () => --left === 0 && resolve());
  });
  const begun = Date.now();
  gateways[0].leave();
  assert.deepEqual(await gateways[0].exited, [0, null]);
  await again;

  const moved = clients.filter((client) => client.disconnected.length > 0);
  assert.equal(moved.length, count / 2);
  for (const { connected, disconnected, errors } of moved) {
    assert.deepEqual([connected.length, disconnected.map(({ reason }) => reason), errors], [2, ["transport close"], []]);
  }
  for (const client of clients) assert.equal(client.connected.length, moved.includes(client) ? 2 : 1);
  assert.equal((await gateways[1].status()).connections, count);

  const left = moved.map(({ disconnected }) => disconnected[0].at);
  const took = Math.max(...left) - begun;
  // The last one is told within the last of as many parts as there are clients.
  assert.ok(took >= ((count / 2 - 1) / rate) * 1000, `all had to go within ${took} ms, at ${rate} a second`);
  t.diagnostic(`told to go, a quarter of a second: ${perQuarter(left)} (the rate is ${rate / 4})`);
  t.diagnostic(`came back, a quarter of a second:  ${perQuarter(moved.map(({ connected }) => connected[1]))}`);
});
