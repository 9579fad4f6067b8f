// SPDX-License-Identifier: Apache-2.0

// A stock client in all cases of cases.mjs, in Node or in a page. Each case has a connection of its own.

import { cases, namespaceOf } from "./cases.mjs";

/** Runs all cases, some at a time, and returns what the callbacks saw: {case: [JSON of the callback's name and arguments]}. */
export async function runAll(Manager, url, options) {
  const seen = {};
  const names = Object.keys(cases);
  await Promise.all(Array.from({ length: 6 }, async () => {
    for (let name = names.shift(); name; name = names.shift()) seen[name] = await run(Manager, url, options, name);
  }));
  return seen;
}

/** Runs a case until the server has answered what came behind it, or has closed the connection. */
async function run(Manager, url, options, name) {
  const { at, steps, violate, closes } = cases[name];
  const manager = new Manager(url, { ...options, reconnection: false, forceNew: true, autoConnect: true });
  const log = [];
  const tell = (...what) => log.push(JSON.stringify(what));
  const sync = manager.socket("/sync");
  let synced;
  const ended = new Promise((resolve) => sync.on("disconnect", (synced = resolve)));
  const syncReady = new Promise((resolve, reject) => sync.on("connect", resolve).on("connect_error", reject));
  if (at !== "event") await syncReady; // 2.x clients are in the main namespace from the first

  const socket = manager.socket(namespaceOf(name));
  const ready = new Promise((resolve) => {
    socket.on("connect", () => resolve(tell("connect")));
    for (const event of ["connect_error", "error"]) {
      socket.on(event, (error) => resolve(tell("connect_error", error.message ?? error)));
    }
  });
  const gone = new Promise((resolve) => socket.on("disconnect", (reason) => resolve(tell("disconnect", reason))));
  const heard = new Promise((resolve) => socket.on("event", (...args) => resolve(tell("event", ...args))));
  socket.on("binary", (...args) => tell("binary", ...args.map((arg) => [...new Uint8Array(arg)])));

  if (violate && at === "unknown") manager.engine.write("no packet"); // right behind CONNECT
  await Promise.race([Promise.all([ready, syncReady]), ended]);
  if (at === "event") socket.emit(name, ...(steps.includes("ack") ? [(...args) => tell("ack", ...args)] : []));
  if (violate && at !== "unknown") {
    await heard; // Node's server handles an event later than a packet behind it in the same read
    manager.engine.write("no packet");
  }
  // Where the connection is closed, whether an answer comes before is a matter of luck.
  if (!violate && !closes) sync.emit("sync", () => synced());
  await ended;
  if (closes) await gone; // each namespace may have a DISCONNECT of its own
  // A client may tell of the connection's end before it tells of what came before.
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve));
  const seen = [...log];
  socket.close();
  sync.close();
  return seen;
}
