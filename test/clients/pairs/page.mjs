// SPDX-License-Identifier: Apache-2.0

// The 4.x client in headless Chromium, for WebTransport, which no other stock client has.

import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { atEnd } from "../ending.mjs";

const binary = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const hint = !existsSync(binary) && "apt-get install chromium";

const files = {
  "/client.mjs": "client.mjs",
  "/cases.mjs": "cases.mjs",
  "/socket.io.js": "../node_modules/socket.io-client/dist/socket.io.js",
};

/** Runs all cases by transports, against a server whose certificate has this SHA-256 in base64. */
export async function runInChromium(t, { url, hash, transports }) {
  const server = createServer(async (request, response) => {
    const file = files[request.url];
    response.setHeader("Content-Type", file ? "text/javascript" : "text/html");
    response.end(file ? await readFile(fileURLToPath(new URL(file, import.meta.url))) : "<!doctype html><link rel=icon href=data:,><title>pairs</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const browser = await chromium.launch({ executablePath: binary, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
  atEnd(t, () => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}`);
  await page.addScriptTag({ url: "/socket.io.js" });
  return page.evaluate(async ({ url, hash, transports }) => {
    const { runAll } = await import("/client.mjs");
    const value = Uint8Array.from(atob(hash), (char) => char.charCodeAt(0));
    const webtransport = { serverCertificateHashes: [{ algorithm: "sha-256", value }] };
    return runAll(globalThis.io.Manager, url, { transports, transportOptions: { webtransport } });
  }, { url, hash, transports });
}
