// SPDX-License-Identifier: Apache-2.0

// Node's Socket.IO server with connection state recovery, as its documentation sets it up: over Redis Streams with
// --redis URL, in memory without. It answers /ready, and leaves on SIGTERM in the politest way that it has.

import { createServer } from "node:http";
import { setTimeout as after } from "node:timers/promises";
import { parseArgs } from "node:util";

import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const { values: flags } = parseArgs({ options: { port: { type: "string" }, redis: { type: "string" } } });

// The adapter leaves what Redis refuses it unhandled, which would end the process.
process.on("unhandledRejection", (error) => console.error("unhandled:", error.message));

const httpServer = createServer((request, response) => {
  response.writeHead(request.url === "/ready" ? 200 : 404).end();
});
const options = {
  connectionStateRecovery: { maxDisconnectionDuration: 120_000 },
};

let redis;
if (flags.redis) {
  redis = createClient({ url: flags.redis });
  redis.on("error", (error) => console.error("redis:", error.message));
  await redis.connect();
  options.adapter = createAdapter(redis);
}

const io = new Server(httpServer, options);
io.on("connection", (socket) => {
  socket.on("join", (room, ack) => {
    socket.join(room);
    ack("ok");
  });
  socket.on("say", (room, payload, ack) => {
    io.to(room).emit("said", payload);
    ack("ok");
  });
  socket.on("announce", (room, payload, ack) => {
    io.to(room).to("nobody's").emit("said", payload);
    ack("ok");
  });
  // For the cases of test/clients/recovery.test.mjs.
  socket.on("except", (room, other, payload, ack) => {
    io.to(room).except(other).emit("said", payload);
    ack("ok");
  });
  socket.on("flash", (room, text, ack) => {
    io.to(room).volatile.emit("flashed", text);
    ack("ok");
  });
  socket.on("leave", (room, ack) => {
    socket.leave(room);
    ack("ok");
  });
  socket.on("name", (name, ack) => {
    socket.data.name = name;
    ack("ok");
  });
  socket.on("whoami", (ack) => ack(socket.data.name));
});

process.once("SIGTERM", async () => {
  // Closing a server writes the sessions. It also waits for connections that it does not close, those that were being
  // opened, for as long as they last; so this has an end.
  await Promise.race([io.close(), after(5_000)]);
  await redis?.close(); // once Redis has all that was written
  process.exit(0);
});

httpServer.listen(Number(flags.port), "127.0.0.1", () => console.log(`listening on ${httpServer.address().port}`));
