// SPDX-License-Identifier: Apache-2.0

// The client as a program: `program.mjs PACKAGE URL TRANSPORTS`, with commas between transports. It prints what runAll returns.

import process from "node:process";

import { runAll } from "./client.mjs";

const [name, url, transports] = process.argv.slice(2);
const library = await import(name);
const { Manager } = library.Manager ? library : library.default;
const seen = await runAll(Manager, url, { transports: transports.split(",") });
process.stdout.write(JSON.stringify(seen), () => process.exit(0));
