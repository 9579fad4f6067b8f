// SPDX-License-Identifier: Apache-2.0

// The client as a program of Node, Bun or Deno: `program.mjs PACKAGE`, orders on standard input and what it tells on standard
// output, one JSON object a line. It ends with its standard input.

import { createInterface } from "node:readline";
import process from "node:process";

import { clientOf } from "./client.mjs";

const { io, default: otherwise } = await import(process.argv[2]);
const obey = clientOf(io ?? otherwise, (told) => process.stdout.write(JSON.stringify(told) + "\n"));
for await (const line of createInterface({ input: process.stdin })) obey(JSON.parse(line));
process.exit(0);
