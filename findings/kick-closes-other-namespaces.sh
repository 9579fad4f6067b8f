#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A server that disconnects a client from one namespace may close its whole connection: socket.io 4.8.4
# closes it for an event of that namespace which was on its way, so that the client loses all its other
# namespaces too. The client did nothing wrong: it could not know yet.
#
# `socket.disconnect()` forgets the socket at once (socket.js, _onclose), and a packet for a namespace
# without a socket is answered by closing the connection (client.js, ondecoded).
#
# Seen with Node 20, socket.io 4.8.4 (engine.io 6.6.13) and socket.io-client 4.8.4. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
  socket.io@4.8.4 engine.io@6.6.13 socket.io-client@4.8.4 engine.io-client@6.6.8 >/dev/null

cat > case.mjs <<'JS'
import net from "node:net";
import { once } from "node:events";
import { Server } from "socket.io";
import { Manager } from "socket.io-client";

const late = process.argv[2] === "late"; // whether the client emits while the kick is on its way
const server = new Server(0);
server.of("/game").on("connection", (socket) => socket.on("leave", () => socket.disconnect()));
server.of("/chat").on("connection", () => {});
// A network: what the server sends takes 200 ms.
const network = net.createServer((client) => {
  const far = net.connect(server.httpServer.address().port, "127.0.0.1");
  client.pipe(far);
  far.on("data", (data) => setTimeout(() => client.write(data), 200));
  far.on("close", () => setTimeout(() => client.destroy(), 200));
  for (const end of [client, far]) end.on("error", () => {});
}).listen(0, "127.0.0.1");
await once(network, "listening");
const manager = new Manager(`http://127.0.0.1:${network.address().port}`, { transports: ["websocket"], reconnection: false });
const game = manager.socket("/game"), chat = manager.socket("/chat");
await Promise.all([game, chat].map((socket) => new Promise((resolve) => socket.on("connect", resolve))));
const log = [];
game.on("disconnect", (reason) => log.push(`game: ${reason}`));
chat.on("disconnect", (reason) => log.push(`chat: ${reason}`));
game.emit("leave");
if (late) setTimeout(() => game.emit("move", 1), 50);
setTimeout(() => { console.log(log.join(", ")); process.exit(); }, 1500);
JS

check() {
  seen=$(node case.mjs "$1")
  printf '%-28s %s\n' "$2" "$seen"
  [ "$seen" = "$3" ] || { echo "expected                     $3"; exit 1; }
}
check alone "nothing on its way:" "game: io server disconnect"
check late "an event on its way:" "game: io server disconnect, chat: transport close"
