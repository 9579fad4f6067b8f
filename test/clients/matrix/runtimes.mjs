// SPDX-License-Identifier: Apache-2.0

// The stock clients and what they run in. Each start(t) gives {obey(order), inbox}, see client.mjs; a runtime that this machine
// lacks has a hint instead.

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { atEnd } from "../ending.mjs";
import { deadline, Inbox, within } from "../inbox.mjs";
import { folder } from "../realtime.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.join(here, "../node_modules");
const versionOf = (name) => JSON.parse(readFileSync(path.join(modules, name, "package.json"), "utf8")).version;

const packages = { "4.x": "socket.io-client", "3.x": "socket.io-client-3", "2.x": "socket.io-client-2" };

/** A client that is a program of its own, and reads and writes lines. */
function startProgram(t, name, program, args, env = {}) {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  const exited = once(child, "exit");
  let complaints = "";
  child.stderr.on("data", (data) => (complaints += data));
  child.stdin.on("error", () => {}); // It has ended, and that fails the test.
  atEnd(t, async () => {
    child.stdin.end();
    const [code, signal] = await within(exited, `${name} ends`, () => complaints).catch((error) => {
      child.kill("SIGKILL");
      throw error;
    });
    // Python complains of what it has not closed; that is its own business.
    if (code !== 0 || complaints.includes("Traceback")) throw new Error(`${name} ended with ${code ?? signal}:\n${complaints}`);
  });
  const inbox = new Inbox(name);
  createInterface({ input: child.stdout }).on("line", (line) => inbox.put(JSON.parse(line)));
  return { inbox, obey: (order) => child.stdin.write(JSON.stringify(order) + "\n") };
}

const program = path.join(here, "program.mjs");

const nodes = Object.entries(packages).map(([line, name]) => ({
  name: `Node ${line}`,
  version: versionOf(name),
  start: (t) => startProgram(t, `Node ${line}`, process.execPath, [program, name]),
}));

/** The binary of a runtime from npm, which is in the one optional package that fits this machine. */
function binaryOf(scope, file) {
  const folders = existsSync(path.join(modules, scope)) ? readdirSync(path.join(modules, scope)) : [];
  return folders.map((name) => path.join(modules, scope, name, file)).find(existsSync);
}

const bun = binaryOf("@oven", "bin/bun");
const deno = binaryOf("@deno", "deno");
const others = [
  {
    name: "Bun",
    version: `${versionOf(packages["4.x"])} on ${versionOf("bun")}`,
    hint: !bun && "npm has no package of bun for this machine",
    start: (t) => startProgram(t, "Bun", bun, ["run", "--no-install", program, packages["4.x"]], { DO_NOT_TRACK: "1" }),
  },
  {
    name: "Deno",
    version: `${versionOf(packages["4.x"])} on ${versionOf("deno")}`,
    hint: !deno && "npm has no package of deno for this machine",
    start: async (t) => startProgram(t, "Deno", deno, [
      "run", "--quiet", "--cached-only", "--node-modules-dir=manual", "--allow-net", "--allow-read", "--allow-env",
      program, packages["4.x"],
    ], { DENO_DIR: await folder(t), DENO_NO_UPDATE_CHECK: "1" }),
  },
];

const python = process.env.PYTHON ?? "/usr/bin/python3";
const found = spawnSync(python, ["-c", `
import platform, aiohttp, requests, socketio, websocket
from importlib.metadata import version
print(version("python-socketio"), "on", platform.python_version())
`], { encoding: "utf8" });
const pythons = [["sync", "sync_client.py"], ["asyncio", "async_client.py"]].map(([kind, file]) => ({
  name: `Python ${kind}`,
  version: found.stdout?.trim(),
  hint: found.status !== 0 && "apt-get install python3-socketio python3-requests python3-websocket python3-aiohttp",
  start: (t) => startProgram(t, `Python ${kind}`, python, ["-B", path.join(here, "../python", file)]),
}));

const browserBinary = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browsers = Object.keys(packages).map((line) => ({
  name: `Chromium ${line}`,
  overUDP: line === "4.x",
  version: versionOf(packages[line]),
  hint: !existsSync(browserBinary) && "apt-get install chromium",
  start: (t, web) => startPage(t, web, line),
}));

export const runtimes = [...nodes, ...others, ...pythons, ...browsers];

/** Starts the browser, and a server of pages that has another origin than any gateway. */
export async function startWeb(t) {
  if (!existsSync(browserBinary)) return { origin: "http://localhost" };
  const files = {
    "/client.mjs": path.join(here, "client.mjs"),
    "/bytes.mjs": path.join(here, "bytes.mjs"),
  };
  for (const [line, name] of Object.entries(packages)) files[`/${line}.js`] = path.join(modules, name, "dist/socket.io.js");
  const server = createServer(async (request, response) => {
    const file = files[request.url];
    response.setHeader("Content-Type", file ? "text/javascript" : "text/html");
    response.end(file ? await readFile(file) : "<!doctype html><link rel=icon href=data:,><title>matrix</title>");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const browser = await chromium.launch({
    executablePath: browserBinary,
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
  atEnd(t, () => browser.close());
  return { browser, origin: `http://127.0.0.1:${server.address().port}` };
}

async function startPage(t, { browser, origin }, line) {
  const inbox = new Inbox(`Chromium ${line}`);
  const context = await browser.newContext();
  context.setDefaultTimeout(deadline);
  const errors = [];
  atEnd(t, async () => {
    await context.close();
    if (errors.length > 0) throw new Error(`the page throws ${errors.join("\n")}`);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => {
    // The stock client leaves its streams' promises alone; they fail whenever a WebTransport session ends.
    if (!["WebTransportError", "NetworkError"].includes(error.name)) errors.push(`${error.name}: ${error.message}\n${error.stack}`);
  });
  await page.exposeFunction("tell", (told) => inbox.put(told));
  await page.goto(origin);
  await page.addScriptTag({ url: `/${line}.js` });
  await page.evaluate(async () => {
    const { clientOf } = await import("/client.mjs");
    globalThis.obey = clientOf(globalThis.io, globalThis.tell);
  });
  return { inbox, obey: (order) => page.evaluate((order) => void globalThis.obey(order), order) };
}
