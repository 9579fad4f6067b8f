// SPDX-License-Identifier: Apache-2.0

import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect } from "node:net";

import { atEnd } from "./ending.mjs";

/**
 * A load balancer without affinity: every request goes to the next server, by a connection of its own. `answers`
 * counts answers by status.
 */
export async function startBalancer(t, ports) {
  const sockets = new Set();
  const answers = new Map();
  let turn = 0;
  const next = () => ports[turn++ % ports.length];

  const server = createServer((req, res) => {
    const far = request({ port: next(), method: req.method, path: req.url, headers: { ...req.headers, connection: "close" }, agent: false }, (answer) => {
      answers.set(answer.statusCode, (answers.get(answer.statusCode) ?? 0) + 1);
      res.writeHead(answer.statusCode, { ...answer.headers, connection: "close" });
      answer.pipe(res);
    });
    far.on("error", () => res.destroy());
    res.on("close", () => far.destroy());
    req.pipe(far);
  });
  server.on("upgrade", (req, near, head) => {
    const far = connect(next(), "127.0.0.1", () => {
      const lines = [`${req.method} ${req.url} HTTP/1.1`];
      for (let i = 0; i < req.rawHeaders.length; i += 2) lines.push(`${req.rawHeaders[i]}: ${req.rawHeaders[i + 1]}`);
      far.write(lines.join("\r\n") + "\r\n\r\n");
      far.write(head);
      near.pipe(far);
      far.pipe(near);
    });
    for (const [socket, other] of [[near, far], [far, near]]) {
      sockets.add(socket);
      socket.on("error", () => {}); // A close follows.
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    sockets.forEach((socket) => socket.destroy());
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${server.address().port}`, answers };
}
