// SPDX-License-Identifier: Apache-2.0

// Runs the manifest and the client of docs/how-to/presence.md on two gateways.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { before, test } from "node:test";

import { connect } from "./client.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const doc = await readFile(new URL("../../docs/how-to/presence.md", import.meta.url), "utf8");
const snippet = (language) => doc.match(new RegExp("```" + language + "\n(.*?)```", "s"))[1];
const listen = new Function("socket", "show", snippet("js"));

const all = wholeFile();
let urls;
before(async () => {
  const manifest = path.join(await folder(all), "presence.yaml");
  const spec = snippet("yaml").replace(/^/gm, "  ");
  await writeFile(manifest, `apiVersion: realtime-operator.io/v1alpha1\nkind: RealtimeService\nmetadata: {name: presence}\nspec:\n${spec}`);
  ({ urls } = await startRealtime(all, { manifest, gateways: 2 }));
});

/** A client that shows who is there as the document tells. */
async function come(t, gateway, name) {
  const client = await connect(t, urls[gateway]);
  const shown = new Inbox(`what ${name} sees`);
  listen(client.socket, (room, count, people) => {
    const names = [...people.values()].map((info) => info?.name).filter(Boolean).sort();
    shown.put({ room, count, size: people.size, names: names.join() });
  });
  client.emit("login", name);
  /** What it sees when these are there, and nobody else; what came before is passed over. */
  const sees = async (...people) => {
    for (;;) {
      const seen = await shown.next(people);
      if (seen.names === people.join() && seen.count === people.length) return seen;
    }
  };
  return { ...client, sees };
}

test("the client of the document sees who is there", async (t) => {
  const ada = await come(t, 0, "Ada");
  await ada.sees("Ada");
  const bob = await come(t, 1, "Bob");
  for (const client of [ada, bob]) {
    const { room, size } = await client.sees("Ada", "Bob");
    assert.deepEqual([room, size], ["lobby", 2]);
  }

  const answer = await bob.ask("who", "lobby", "");
  assert.equal(answer.room, "lobby");
  assert.equal(answer.count, 2);
  const byId = Object.fromEntries(answer.members.map(({ id, info }) => [id, info.name]));
  assert.deepEqual(byId, { [ada.socket.id]: "Ada", [bob.socket.id]: "Bob" });
  assert.equal(answer.next, undefined);

  bob.socket.disconnect();
  await ada.sees("Ada");
});
