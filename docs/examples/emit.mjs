// SPDX-License-Identifier: Apache-2.0

// Publishes over NATS: NATS_URL=nats://nats:4222 SUBJECT=realtime.emit.default.chat node emit.mjs
// It needs `npm install @nats-io/transport-node`. NATS_CA names a file with the authority of a NATS that encrypts.

import { connect } from "@nats-io/transport-node";

const tls = process.env.NATS_CA ? { caFile: process.env.NATS_CA } : undefined;
const nats = await connect({ servers: process.env.NATS_URL, tls });
const answer = await nats.request(process.env.SUBJECT, JSON.stringify({
  namespace: "/",
  event: "newMessage",
  args: [{ username: "node", message: "hello" }],
}), { timeout: 10_000 });
console.log(answer.string());
await nats.close();
