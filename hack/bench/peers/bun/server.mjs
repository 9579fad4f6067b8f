// SPDX-License-Identifier: Apache-2.0

// Socket.IO on Bun's own HTTP server, as the documentation of @socket.io/bun-engine sets it up: bun server.mjs PORT

import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";

import { chat } from "../socketio/chat.mjs";

const io = new Server();
const engine = new Engine({ path: "/socket.io/" });
io.bind(engine);
chat(io);
const { port } = Bun.serve({ port: Number(process.argv[2]), hostname: "127.0.0.1", ...engine.handler() });
console.log(`listening on ${port}`);
