// SPDX-License-Identifier: Apache-2.0

// Pages in Chromium, with the stock clients of 4.x and 2.x: those of a listed origin connect, those of another do not, by any
// transport.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const bundles = { "4.x": "socket.io-client", "2.x": "socket.io-client-2" };
const bundle = (version) => readFile(fileURLToPath(new URL(`node_modules/${bundles[version]}/dist/socket.io.js`, import.meta.url)));

const all = wholeFile();
let browser, service, origins;
before(async () => {
  const servers = [createServer(servePage), createServer(servePage)];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    all.after(() => {
      server.closeAllConnections();
      server.close();
    });
  }
  const [listed, foreign] = servers.map((server) => `http://127.0.0.1:${server.address().port}`);
  const manifest = path.join(await folder(all), "origins.yaml");
  await writeFile(manifest, `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: origins}
spec:
  protocol: {allowEIO3: true, cors: {origins: ["${listed}"], credentials: true}}
  namespaces: [{name: /}]
`);
  const { urls, ports } = await startRealtime(all, { manifest });
  service = urls[0];
  origins = { listed, foreign, own: `http://localhost:${ports[0]}` };
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
});
after(() => browser?.close());

function servePage(_, response) {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html>");
}

/** What becomes of a stock client on a page of an origin: connect or connect_error. */
async function outcome(t, { origin, version, transport }) {
  const page = await browser.newPage({ bypassCSP: true }); // the chat page takes no scripts of others
  t.after(() => page.close());
  await page.goto(`${origin}/`);
  await page.addScriptTag({ content: (await bundle(version)).toString() });
  return page.evaluate(({ service, transport }) => new Promise((resolve) => {
    const socket = io(service, { transports: [transport], reconnection: false, withCredentials: true });
    for (const event of ["connect", "connect_error"]) socket.on(event, () => resolve(event));
  }), { service, transport });
}

for (const version of Object.keys(bundles)) {
  for (const transport of ["polling", "websocket"]) {
    test(`the ${version} client by ${transport}`, async (t) => {
      const got = {};
      for (const [kind, origin] of Object.entries(origins)) got[kind] = await outcome(t, { origin, version, transport });
      assert.deepEqual(got, { listed: "connect", foreign: "connect_error", own: "connect" });
    });
  }
}
