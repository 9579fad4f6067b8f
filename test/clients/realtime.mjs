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
 * @param {{ manifest?: string, gateways?: number, port?: number, clients?: string, token?: string, secrets?: string }} options manifest is a file; without
 *   one it is the chat sample. port is for a service that comes back where it was. clients is a folder with client bundles. token is
 *   that of programs that publish. secrets is a folder with the Secrets of authentication.
 * @returns {Promise<{ urls: string[], ports: number[], says: (pattern: RegExp) => Promise<string>, stop: () => Promise<void> }>}
 */
export async function startRealtime(t, { manifest, gateways = 1, port, clients = clientDir, token, secrets } = {}) {
  port ??= await freePorts(gateways);
  const args = ["dev", "--port", String(port), "--gateways", String(gateways), "--client-dir", clients, "--api-port", "0"];
  if (token) args.push("--api-token", token);
  if (secrets) args.push("--secrets", secrets);
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

/** How long the variant pinged of the conformance sample waits for an answer, in milliseconds. */
export const pingPatience = 2_000;

const without = (...fields) => (text) => text.replace(new RegExp(`^ +(${fields.join("|")}):.*\\n`, "gm"), "");

/** What startConformance makes of the conformance sample. */
const variants = {
  // The heartbeat of the official suites: a client that is 200 ms late, as on a busy machine, is closed.
  quick: (text) => text,
  // No ping comes between, and nothing is closed.
  calm: without("pingInterval", "pingTimeout", "connectTimeout"),
  // Pings come as soon, and there is time to answer them.
  pinged: (text) => without("connectTimeout")(text).replace(/(pingTimeout:).*/, `$1 ${pingPatience}ms`),
  // A connection without a namespace is closed, and none for want of a pong.
  lonely: without("pingInterval", "pingTimeout"),
};

/** Starts variants of the conformance sample, and returns their URLs by name. */
export async function startConformance(t, ...names) {
  const dir = await folder(t);
  const manifest = await sample("conformance");
  return Object.fromEntries(await Promise.all(names.map(async (name) => {
    const file = path.join(dir, `${name}.yaml`);
    await writeFile(file, variants[name](manifest));
    const { urls } = await startRealtime(t, { manifest: file });
    return [name, urls[0]];
  })));
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
