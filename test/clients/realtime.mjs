// SPDX-License-Identifier: Apache-2.0

// Runs `realtime dev` for a test: the program that REALTIME_BIN names, or that `make build` makes.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

import { atEnd } from "./ending.mjs";
import { Inbox, within } from "./inbox.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
/** The repository. */
export const root = path.join(here, "../..");
/** The program under test. */
export const program = process.env.REALTIME_BIN ?? path.join(root, "dist/realtime");

/** The text of a manifest in config/samples. */
export const sample = (name) => readFile(path.join(root, "config/samples", `${name}.yaml`), "utf8");

/** The stock client's bundles, so that no page needs the CDN. */
export const clientDir = path.join(here, "node_modules/socket.io-client/dist");

/** Stands for a test where something is to last for all tests of a file. */
export function wholeFile() {
  const ending = [];
  after(async () => {
    const results = await Promise.allSettled(ending.map((end) => end()));
    for (const { reason } of results) if (reason) throw reason;
  });
  return { after: (end) => ending.push(end) };
}

/** A folder of the test's own. */
export async function folder(t) {
  const name = await mkdtemp(path.join(tmpdir(), "realtime-"));
  atEnd(t, () => rm(name, { recursive: true, force: true }));
  return name;
}

/**
 * Starts the service, ready for clients, and ends it with the test.
 * @param {{ manifest?: string, gateways?: number, port?: number, clients?: string, token?: string }} options manifest is a file; without
 *   one it is the chat sample. port is for a service that comes back where it was. clients is a folder with client bundles. token is
 *   that of programs that publish.
 * @returns {Promise<{ urls: string[], ports: number[], says: (pattern: RegExp) => Promise<string>, stop: () => Promise<void> }>}
 */
export async function startRealtime(t, { manifest, gateways = 1, port, clients = clientDir, token } = {}) {
  port ??= await freePorts(gateways);
  const args = ["dev", "--port", String(port), "--gateways", String(gateways), "--client-dir", clients, "--api-port", "0"];
  if (token) args.push("--api-token", token);
  if (manifest) args.push("--filename", manifest);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(child, "exit");

  const lines = new Inbox("realtime dev");
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      output += line + "\n";
      lines.put(line);
    });
  }

  const stop = async () => {
    child.kill("SIGTERM");
    const [code, signal] = await within(exited, "realtime dev ends", () => output).catch((error) => {
      child.kill("SIGKILL");
      throw error;
    });
    assert.equal(code, 0, `realtime dev ended with ${code ?? signal}:\n${output}`);
  };
  atEnd(t, stop);

  const failed = exited.then(([code]) => {
    throw new Error(`realtime dev ended with ${code}:\n${output}`);
  });
  failed.catch(() => {});
  await Promise.race([lines.take((line) => line.includes("Ctrl-C"), "the greeting"), failed]);

  const ports = Array.from({ length: gateways }, (_, i) => port + i);
  return {
    ports,
    urls: ports.map((port) => `http://localhost:${port}`),
    says: (pattern) => lines.take((line) => pattern.test(line), pattern),
    stop,
  };
}

/**
 * Starts the conformance sample twice and returns the URLs: quick has the heartbeat of the official suites; calm has the
 * usual one, so that no ping comes between.
 */
export async function startConformance(t) {
  const dir = await folder(t);
  const manifest = await sample("conformance");
  const variants = [manifest, manifest.replace(/^ +(pingInterval|pingTimeout|connectTimeout):.*\n/gm, "")];
  const [quick, calm] = await Promise.all(variants.map(async (text, i) => {
    const file = path.join(dir, `${i}.yaml`);
    await writeFile(file, text);
    const { urls } = await startRealtime(t, { manifest: file });
    return urls[0];
  }));
  return { quick, calm };
}

/** The first of so many ports in a row that are free. They are below those that the kernel gives to connections. */
export async function freePorts(count) {
  for (let attempt = 0; attempt < 100; attempt++) {
    const first = 10_000 + Math.floor(Math.random() * 22_000);
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(first + i)));
    if (free.every(Boolean)) return first;
  }
  throw new Error(`found no ${count} free ports in a row`);
}

async function isFree(port) {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
