// SPDX-License-Identifier: Apache-2.0

// A stock client of test/chaos: `client.mjs PACKAGE URL TRANSPORT…`. It emits what a line of its standard input says, {event, args,
// tag}, and tells on standard output, one JSON object a line: {tag, answer}, {said}, {connected, recovered} and {disconnected}. It ends
// with its standard input.

import { createInterface } from "node:readline";
import process from "node:process";

const [name, url, ...transports] = process.argv.slice(2);
const { default: io } = await import(name);
const tell = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const socket = io(url, { transports });
socket.on("connect", () => tell({ connected: socket.id, recovered: Boolean(socket.recovered) }));
socket.on("disconnect", (reason) => tell({ disconnected: reason }));
socket.on("said", (message) => tell({ said: message }));

for await (const line of createInterface({ input: process.stdin })) {
  const { event, args, tag } = JSON.parse(line);
  socket.emit(event, ...args, (answer) => tell({ tag, answer }));
}
process.exit(0);
