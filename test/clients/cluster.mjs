// SPDX-License-Identifier: Apache-2.0

// A service of several processes whose gateways a test starts, stops and kills: the chaos test's, run by `chaos -serve`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { atEnd } from "./ending.mjs";
import { Inbox, within } from "./inbox.mjs";
import { folder } from "./realtime.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** ours, library (gateway/socketio in memory), reference (Node over Redis Streams) or reference-in-memory. */
export const target = process.env.TARGET ?? "ours";

/**
 * Starts the broker and gateways. Each gateway has a url and stop(), kill() and slow(milliseconds); cluster.start() starts
 * one more.
 */
export async function startCluster(t, count) {
  const child = spawn(path.join(root, "dist/chaos"), ["-serve", "-drain", "5s", "-target", target, "-logs", await folder(t)], {
    cwd: root,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  atEnd(t, async () => {
    child.stdin.end();
    await within(exited, "the cluster ends");
  });
  const answers = new Inbox("the cluster");
  createInterface({ input: child.stdout }).on("line", (line) => answers.put(line));
  let last = Promise.resolve();
  const order = (line) => {
    last = last.then(async () => {
      child.stdin.write(line + "\n");
      const answer = await answers.next(`the answer to ${line}`);
      if (!answer.startsWith("ok")) throw new Error(`${line}: ${answer}`);
      return answer.slice(3);
    });
    return last;
  };

  let started = 0;
  const start = async () => {
    const n = started++;
    const url = await order("start");
    return { url, stop: () => order(`stop ${n}`), kill: () => order(`kill ${n}`), slow: (ms) => order(`slow ${n} ${ms}`) };
  };
  const gateways = [];
  for (let i = 0; i < count; i++) gateways.push(await start());
  return { gateways, start };
}
