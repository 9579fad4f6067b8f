// SPDX-License-Identifier: Apache-2.0

// What can never be stored is not acknowledged as if it were: stock clients and programs are told, and the rest goes on.

import assert from "node:assert/strict";
import path from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { connect as connectToNATS } from "@nats-io/transport-node";

import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { startRealtime, wholeFile } from "./realtime.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const token = "an open secret";
const refused = [{ error: "the service could not handle the event" }];

const all = wholeFile();
let service, api, nats;
before(async () => {
  service = await startRealtime(all, { manifest: path.join(here, "stored.yaml"), gateways: 2, token });
  api = /http:\S+(?=\/v1\/)/.exec(await service.says(/Programs publish with the token/))[0];
  const [, servers] = /NATS at (\S+) on (\S+)$/.exec(await service.says(/or over NATS/));
  nats = await connectToNATS({ servers });
  atEnd(all, () => nats.close());
});

const publish = async (document) => {
  const answer = await fetch(`${api}/v1/namespaces/%2F/emit`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}` },
    body: JSON.stringify(document),
  });
  return [answer.status, await answer.json()];
};

const ask = async (subject, request) => {
  const answer = (await nats.request(subject, request && JSON.stringify(request), { timeout: 10_000 })).json();
  assert.equal(answer.error, undefined);
  return answer;
};

/** Sets the largest message that the stream of the log takes. */
async function streamTakes(bytes) {
  const [stream] = (await ask("$JS.API.STREAM.NAMES")).streams;
  const { config } = await ask(`$JS.API.STREAM.INFO.${stream}`);
  await ask(`$JS.API.STREAM.UPDATE.${stream}`, { ...config, max_msg_size: bytes });
}

/** A client that emits with retries, as stock clients do, and the list of arguments that it was acknowledged with. */
async function persistent(t) {
  const client = await connect(t, service.urls[0], { retries: 3, ackTimeout: 20_000 });
  return {
    ...client,
    ask: (...args) => new Promise((resolve, reject) => {
      client.socket.emit(...args, (error, ...answer) => (error ? reject(error) : resolve(answer)));
    }),
  };
}

test("an event that JetStream rejects is answered with an error, and the next ones are stored", async (t) => {
  const ada = await persistent(t);
  const bob = await connect(t, service.urls[1]);
  t.after(() => streamTakes(-1));
  await streamTakes(2000);
  const long = "x".repeat(3000);
  assert.deepEqual(await ada.ask("say", long), refused);
  assert.deepEqual(await ada.ask("say", "short"), ["stored"]);
  const [status, answer] = await publish({ event: "said", args: [long] });
  assert.equal(status, 413);
  assert.match(answer.error, /message size exceeds maximum allowed/);
  assert.deepEqual(await publish({ event: "said", args: ["end"] }), [200, { ok: true }]);
  for (const client of [ada, bob]) {
    assert.equal((await client.next("said"))[0], "short");
    assert.equal((await client.next("said"))[0], "end");
  }
  assert.deepEqual(await ada.ask("keep", long), refused);
  assert.deepEqual(await ada.ask("keep", "little"), []);
});
