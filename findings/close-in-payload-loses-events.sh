#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# socket.io-client 4.8.4 by polling loses the events that come in one payload with an Engine.IO close
# packet, and calls their handlers on the NEXT connection instead. 3.1.3 calls them at once.
#
# The engine handles the close packet when it reads it; Socket.IO packets are handled in a microtask
# (manager.js, ondecoded), when the socket is disconnected already: onevent puts them into receiveBuffer,
# which is emitted after the next CONNECT. The payload is valid by the Engine.IO protocol, v4.
#
# Seen with Node 20, socket.io-client 4.8.4 (engine.io-client 6.6.8) and 3.1.3. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts --save-exact \
  socket.io-client@4.8.4 engine.io-client@6.6.8 io3@npm:socket.io-client@3.1.3 >/dev/null

cat > case.mjs <<'JS'
import { createServer } from "node:http";

const { io } = await import(process.argv[2]);
const separator = "\x1e";
let sessions = 0;
// Each session's polls in order: CONNECT; in the first session two events and the close packet, in one payload.
const server = createServer((request, response) => {
  const query = new URL(request.url, "http://x").searchParams;
  if (request.method === "POST") return request.resume().on("end", () => response.end("ok"));
  const sid = query.get("sid");
  if (!sid) {
    const open = { sid: `s${++sessions}`, upgrades: [], pingInterval: 60000, pingTimeout: 60000, maxPayload: 1e6 };
    return response.end(`0${JSON.stringify(open)}`);
  }
  polls[sid] = (polls[sid] ?? 0) + 1;
  if (polls[sid] === 1) return response.end(`40{"sid":"socket-of-${sid}"}`);
  if (sid === "s1") return response.end(['42["news",1]', '42["news",2]', "1"].join(separator));
  // The second session's polls wait.
});
const polls = {};
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const log = [];
const socket = io(`http://127.0.0.1:${server.address().port}`, { transports: ["polling"], reconnectionDelay: 50 });
socket.on("news", (n) => log.push(`news ${n} on ${socket.id}`));
socket.on("disconnect", (reason) => log.push(`disconnect (${reason})`));
socket.on("connect", () => {
  log.push(`connect ${socket.id}`);
  if (sessions === 2) setTimeout(() => { console.log(log.join(", ")); process.exit(); }, 100);
});
setTimeout(() => { console.log("no second connection:", log.join(", ")); process.exit(); }, 10_000);
JS

check() {
  seen=$(node case.mjs "$1")
  printf '%-17s %s\n' "$2" "$seen"
  [ "$seen" = "$3" ] || { echo "expected          $3"; exit 1; }
}
check socket.io-client "4.8.4:" "connect socket-of-s1, disconnect (transport close), news 1 on socket-of-s2, news 2 on socket-of-s2, connect socket-of-s2"
check io3 "3.1.3:" "connect socket-of-s1, news 1 on socket-of-s1, news 2 on socket-of-s1, disconnect (transport close), connect socket-of-s2"
