// SPDX-License-Identifier: Apache-2.0

// Everything that a server sends back to back, as stock clients process it: the callbacks of each client see what they see when Node's
// server does the same, or something better that is listed here and in docs/reference/differences.md.

import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { atEnd } from "./ending.mjs";
import { within } from "./inbox.mjs";
import { cases, manifest } from "./pairs/cases.mjs";
import { hint as pageHint, runInChromium } from "./pairs/page.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const here = (name) => fileURLToPath(new URL(`pairs/${name}`, import.meta.url));
const run = promisify(execFile);

const node = (name) => async (url, transports) =>
  JSON.parse((await run(process.execPath, [here("program.mjs"), name, url, transports], { timeout: 60_000 })).stdout);

const python = process.env.PYTHON ?? "/usr/bin/python3";
const hasPython = spawnSync(python, ["-c", "import aiohttp, socketio"]).status === 0;
const pythonHint = !hasPython && "apt-get install python3-socketio python3-aiohttp";

/** A client's program, for which the cases are JSON on standard input. */
async function asyncio(url, transports) {
  const running = run(python, ["-B", here("client.py"), url, transports], { timeout: 60_000 });
  running.child.stdin.end(JSON.stringify(cases));
  return JSON.parse((await running).stdout);
}

const clients = {
  "4.x": { run: node("socket.io-client") },
  "3.x": { run: node("socket.io-client-3") },
  "2.x": { run: node("socket.io-client-2") },
  Python: { run: asyncio, hint: pythonHint },
};

const said = (...events) => events.map((event) => JSON.stringify(event));
const connected = ["connect"], event = ["event", 1], disconnected = ["disconnect"];

// What follows `disconnect` in a handler is sent by Node's server, and is not by ours; JavaScript clients keep it from their handlers.
const nothingBehindDisconnect = Object.fromEntries(["event", "binary", "ack"].map((step) => [
  `event-event-disconnect-${step}`, said(connected, event, disconnected),
]));
// Node's server puts more packets into an answer than python-engineio takes.
const burstsArrive = {
  "event-21-steps-close": said(connected, ...Array(20).fill(event), disconnected),
  "event-30-steps-event": said(connected, ...Array(30).fill(event)),
};
const better = {
  "Python polling": { ...nothingBehindDisconnect, ...burstsArrive },
  "Python websocket": nothingBehindDisconnect,
  "Python polling,websocket": nothingBehindDisconnect,
};

async function startReference(t, pingInterval) {
  const child = spawn(process.execPath, [here("reference.mjs"), String(pingInterval)], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  atEnd(t, async () => {
    child.stdin.end();
    await within(exited, "the reference ends");
  });
  const [line] = await within(once(child.stdout, "data"), "the reference listens");
  return `http://127.0.0.1:${Number(line)}`;
}

// Its own name may be an IPv6 address first, where no gateway listens for WebTransport.
const local = (url) => url.replace("localhost", "127.0.0.1");

const all = wholeFile();
// With the second, pings come between, and noops while a client upgrades.
const intervals = { "pings are rare": 25_000, "pings are frequent": 100 };
const servers = {};
before(async () => {
  const dir = await folder(all);
  for (const [name, pingInterval] of Object.entries(intervals)) {
    const file = path.join(dir, `${pingInterval}.yaml`);
    await writeFile(file, manifest({ pingInterval }));
    const { urls } = await startRealtime(all, { manifest: file });
    servers[name] = { ours: local(urls[0]), reference: await startReference(all, pingInterval) };
  }
});

/** Skips a test that this machine lacks something for, but not in CI. */
function lacks(t, hint) {
  if (!hint) return false;
  assert.ok(!process.env.CI, hint);
  t.skip(hint);
  return true;
}

for (const [name, client] of Object.entries(clients)) {
  for (const transports of ["polling", "websocket", "polling,websocket"]) {
    for (const pings of Object.keys(intervals)) {
      test(`${name}, ${transports}, ${pings}`, async (t) => {
        if (lacks(t, client.hint)) return;
        const expected = { ...(await client.run(servers[pings].reference, transports)), ...better[`${name} ${transports}`] };
        assert.deepEqual(await client.run(servers[pings].ours, transports), expected);
      });
    }
  }
}

// Node's server has no WebTransport of its own, so that its callbacks are those by WebSocket.
for (const transports of [["webtransport"], ["polling", "webtransport"]]) {
  test(`4.x in Chromium, ${transports}`, async (t) => {
    if (lacks(t, pageHint)) return;
    const file = path.join(await folder(t), "webtransport.yaml");
    await writeFile(file, manifest({ pingInterval: 25_000, webTransport: true }));
    const service = await startRealtime(t, { manifest: file });
    const [, hash] = /fromBase64\("(\S+)"\)/.exec(await service.says(/serverCertificateHashes/));
    const expected = await clients["4.x"].run(servers["pings are rare"].reference, "websocket");
    const seen = await runInChromium(t, { url: local(service.urls[0]), hash, transports });
    // Whether the end of a session is an error to the client depends on what the browser was doing then.
    const same = JSON.parse(JSON.stringify(seen).replaceAll("transport error", "transport close"));
    assert.deepEqual(same, expected);
  });
}
