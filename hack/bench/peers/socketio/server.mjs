// SPDX-License-Identifier: Apache-2.0

// Node's Socket.IO server as its documentation sets it up: alone, or with --adapter redis or redis-streams over --redis URL;
// with --deflate BYTES, messages from that size on are compressed; with --recovery, clients can come back (connection state recovery);
// with --issuer-key FILE, clients show JSON Web Tokens.

import { createPublicKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { parseArgs } from "node:util";

import { Server } from "socket.io";

import { chat, secure } from "./chat.mjs";

const { values: flags } = parseArgs({
  options: { port: { type: "string" }, adapter: { type: "string" }, redis: { type: "string" }, deflate: { type: "string" },
    recovery: { type: "boolean" }, "issuer-key": { type: "string" } },
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

async function verifier(file) {
  const { default: jwt } = await import("jsonwebtoken");
  const key = createPublicKey(await readFile(file));
  return (token) => jwt.verify(token, key, { algorithms: ["RS256"], issuer: "https://issuer.example", audience: "bench" });
}

const httpServer = createServer();
const options = {};
if (flags.adapter) options.adapter = await adapter();
if (flags.recovery) options.connectionStateRecovery = { maxDisconnectionDuration: 120_000 };
if (flags.deflate) options.perMessageDeflate = { threshold: Number(flags.deflate) };
const io = new Server(httpServer, options);
if (flags["issuer-key"]) secure(io, await verifier(flags["issuer-key"]));
chat(io);
httpServer.listen(Number(flags.port), "127.0.0.1", () => console.log(`listening on ${httpServer.address().port}`));
