// SPDX-License-Identifier: Apache-2.0

// Node's Socket.IO server as its documentation sets it up: alone, or with --adapter redis or redis-streams over --redis URL;
// with --deflate BYTES, messages from that size on are compressed; with --recovery, clients can come back (connection state recovery).

import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { Server } from "socket.io";

import { chat } from "./chat.mjs";

const { values: flags } = parseArgs({
  options: { port: { type: "string" }, adapter: { type: "string" }, redis: { type: "string" }, deflate: { type: "string" },
    recovery: { type: "boolean" } },
});

async function adapter() {
  const { createClient } = await import("redis");
  const client = createClient({ url: flags.redis });
  await client.connect();
  if (flags.adapter === "redis-streams") {
    const { createAdapter } = await import("@socket.io/redis-streams-adapter");
    return createAdapter(client);
  }
  const { createAdapter } = await import("@socket.io/redis-adapter");
  const subscriber = client.duplicate();
  await subscriber.connect();
  return createAdapter(client, subscriber);
}

const httpServer = createServer();
const options = {};
if (flags.adapter) options.adapter = await adapter();
if (flags.recovery) options.connectionStateRecovery = { maxDisconnectionDuration: 120_000 };
if (flags.deflate) options.perMessageDeflate = { threshold: Number(flags.deflate) };
const io = new Server(httpServer, options);
chat(io);
httpServer.listen(Number(flags.port), "127.0.0.1", () => console.log(`listening on ${httpServer.address().port}`));
