// SPDX-License-Identifier: Apache-2.0

// Node's server with the handlers of cases.mjs: `reference.mjs PING_INTERVAL`. It prints its port, and ends with its standard input.

import process from "node:process";

import { Server } from "socket.io";

import { cases } from "./cases.mjs";

const actions = {
  event: (socket) => socket.emit("event", 1),
  binary: (socket) => socket.emit("binary", Buffer.from([1, 2])),
  ack: (_, acknowledge) => acknowledge?.(2),
  disconnect: (socket) => socket.connected && socket.disconnect(),
  close: (socket) => socket.connected && socket.disconnect(true),
};
const take = (steps, socket, acknowledge) => steps.forEach((step) => actions[step](socket, acknowledge));

const server = new Server(0, { allowEIO3: true, pingInterval: Number(process.argv[2]) });
server.on("connection", (socket) => {
  for (const [name, { at, steps }] of Object.entries(cases)) {
    if (at === "event") socket.on(name, (acknowledge) => take(steps, socket, acknowledge));
  }
});
server.of("/sync").on("connection", (socket) => socket.on("sync", (acknowledge) => acknowledge()));
for (const [name, { at, steps }] of Object.entries(cases)) {
  if (at === "connection") server.of(`/${name}`).on("connection", (socket) => take(steps, socket));
}
console.log(server.httpServer.address().port);
process.stdin.resume().on("end", () => process.exit(0));
