// SPDX-License-Identifier: Apache-2.0

// Every stock client over every transport against `realtime dev`; a table at the end says which of them work.
// ONLY="Node 4.x" runs the clients whose names have that in them.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";

import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { decode, encode } from "./matrix/bytes.mjs";
import { startProxy } from "./matrix/proxy.mjs";
import { runtimes, startWeb } from "./matrix/runtimes.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

// What 2.x clients need of the manifest. In browsers they send credentials, to which an origin of * is no answer.
const forOldClients = (manifest, origin) => manifest.replace(
  'cors: {origins: ["*"]}',
  `allowEIO3: true\n    cors: {origins: ["${origin}"], credentials: true}`,
);

// In the same way: a certificate for WebTransport, which no client but a browser's 4.x has.
const forWebTransport = (manifest) => manifest.replace("protocol:\n", "protocol:\n    webTransport: {tlsSecretRef: {name: matrix-tls}}\n");

const transports = {
  polling: { option: ["polling"], settles: ["polling"] },
  websocket: { option: ["websocket"], settles: ["websocket"] },
  upgrade: { option: ["polling", "websocket"], settles: ["websocket"] },
  webtransport: { option: ["webtransport"], settles: ["webtransport"], overUDP: true },
  "upgrade to webtransport": { option: ["polling", "webtransport"], settles: ["webtransport"], overUDP: true },
  // The client tries both, WebTransport 200 ms earlier, and takes what answers first.
  "upgrade to either": { option: ["polling", "websocket", "webtransport"], settles: ["webtransport", "websocket"], overUDP: true },
};

const all = wholeFile();
const table = new Map();
const text = await readFile(new URL("matrix.yaml", import.meta.url), "utf8");

let web, manifests;
before(async () => {
  web = await startWeb(all);
  const dir = await folder(all);
  manifests = { usual: path.join(dir, "usual.yaml"), old: path.join(dir, "old.yaml"), overUDP: path.join(dir, "udp.yaml") };
  await writeFile(manifests.usual, text);
  await writeFile(manifests.old, forOldClients(text, web.origin));
  await writeFile(manifests.overUDP, forWebTransport(text));
});
after(() => console.log(drawn()));

for (const { name, version, hint, start, overUDP: hasUDP } of runtimes) {
  if (!name.includes(process.env.ONLY ?? "")) continue;
  const row = { version };
  table.set(name, row);
  for (const transport of Object.keys(transports)) {
    if (transports[transport].overUDP && !hasUDP) {
      row[transport] = "–";
      continue;
    }
    test(`${name}, ${transport}`, async (t) => {
      if (hint && !process.env.CI) {
        row[transport] = "skipped";
        row.note = hint;
        return t.skip(hint);
      }
      let doing = "start";
      try {
        assert.ok(!hint, hint);
        await during((t) => run(t, { name, start, transport, now: (what) => (doing = what) }));
        row[transport] = "✓";
      } catch (error) {
        row[transport] = `✗ ${doing}`;
        throw error;
      }
    });
  }
}

/** Calls it with what stands for a test, and then ends what it has started. */
async function during(call) {
  const ending = [];
  try {
    await call({ after: (end) => ending.push(end) });
  } catch (error) {
    for (const end of ending) await end().catch((other) => (error.message += `\n${other.message}`));
    throw error;
  }
  for (const end of ending) await end();
}

async function run(t, { name, start, transport, now }) {
  const { option, settles, overUDP } = transports[transport];
  const isOld = name.includes("2.x");
  const manifest = overUDP ? manifests.overUDP : isOld ? manifests.old : manifests.usual;
  const service = await startRealtime(t, { manifest });
  const proxy = await startProxy(t, service.ports[0], { overUDP });
  const client = await start(t, web);

  /** Takes the arguments of the next such event. */
  const hears = async (event) => decode((await client.inbox.take((told) => told.event === event, event)).args);
  const emit = (event, ...args) => client.obey({ do: "emit", event, args: encode(args) });
  const ask = (event, ...args) => client.obey({ do: "ask", event, args: encode(args) });
  const uses = () => client.inbox.take(({ event, args }) => event === "transport" && settles.includes(args[0]), `${settles} in use`);

  now("connect");
  client.obey({
    do: "connect", url: proxy.url, transports: option, events: ["systemMessage", "newMessage", "relayed"],
    hash: overUDP && await hashOf(service),
  });
  const first = await client.inbox.take(({ event }) => ["connect", "connect_error"].includes(event), "connect");
  assert.equal(first.event, "connect", first.args[0]);
  const peer = await connect(t, service.urls[0], { transports: ["websocket"] });

  async function joins(...listeners) {
    emit("join", "Ada");
    for (const next of listeners) assert.deepEqual(await next("systemMessage"), ["Ada 加入了聊天室"]);
  }
  async function says(words, ...listeners) {
    emit("chatMessage", words);
    for (const next of listeners) await reads(next, "Ada", words);
  }

  // An upgrade is on its way meanwhile.
  now("chat");
  await joins(hears, peer.next);
  peer.emit("join", "小林");
  for (const next of [hears, peer.next]) assert.deepEqual(await next("systemMessage"), ["小林 加入了聊天室"]);
  await says("<b>hello</b> & 你好 👋", hears, peer.next);
  await says("", hears, peer.next);
  peer.emit("chatMessage", "I'm here");
  for (const next of [hears, peer.next]) await reads(next, "小林", "I'm here");

  now(`${settles} in use`);
  await uses();

  now("binary");
  const args = [bytes(4), { deep: [bytes(70_000), "茶"], empty: bytes(0) }, null];
  emit("relay", ...args);
  assert.deepEqual(encode(await peer.next("relayed")), encode(args));
  peer.emit("relay", ...args);
  assert.deepEqual(encode(await hears("relayed")), encode(args));

  now("acks");
  for (const args of [[], [1, "2", { 茶: [null, true] }], [bytes(3), { deep: bytes(300) }]]) {
    ask("ask", ...args);
    assert.deepEqual(encode(await hears("ack")), encode(args));
  }

  now("reconnect");
  if (transport === "polling") await proxy.polled();
  proxy.cut();
  const [reason = "transport close"] = await hears("disconnect");
  // Over UDP nothing tells that the way is cut.
  assert.match(reason, overUDP ? /^transport (close|error)$|^ping timeout$/ : /^transport (close|error)$/);
  assert.deepEqual(await peer.next("systemMessage"), ["Ada 离开了聊天室"]);
  proxy.mend();
  const [id] = await hears("connect");
  assert.notEqual(id, first.args[0]);
  await joins(hears, peer.next);
  await uses();
  await says("again", hears, peer.next);
  peer.socket.close();
  assert.deepEqual(await hears("systemMessage"), ["小林 离开了聊天室"]);

  now("restart");
  if (transport === "polling") await proxy.polled();
  await service.stop();
  await hears("disconnect");
  if (overUDP) proxy.cut();
  const next = await startRealtime(t, { manifest, port: service.ports[0] });
  if (overUDP) {
    await client.obey({ do: "trust", hash: await hashOf(next) }); // each start has a certificate of its own
    proxy.mend();
  }
  await hears("connect");
  await joins(hears);
  await uses();

  now("leave");
  const other = await connect(t, service.urls[0], { transports: ["websocket"] });
  await says("and again", hears, other.next);
  client.obey({ do: "close" });
  await hears("disconnect");
  assert.deepEqual(await other.next("systemMessage"), ["Ada 离开了聊天室"]);

  const used = client.inbox.left.filter(({ event }) => event === "transport").map(({ args }) => args[0]);
  assert.ok(used.every((name) => option.includes(name)), `the client has used ${used}`);
}

/** The hash of the certificate, as it is shown to people. */
async function hashOf(service) {
  return /fromBase64\("(\S+)"\)/.exec(await service.says(/serverCertificateHashes/))[1];
}

async function reads(next, username, message) {
  const [{ timestamp, ...rest }] = await next("newMessage");
  assert.deepEqual(rest, { username, message });
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000, timestamp);
}

const bytes = (length) => Uint8Array.from({ length }, (_, i) => (i * 31) & 255);

function drawn() {
  const head = ["client", ...Object.keys(transports), "version", ""];
  const lines = [...table].map(([name, row]) => [
    name, ...Object.keys(transports).map((transport) => row[transport] ?? "✗"), row.version ?? "", row.note ?? "",
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i].length)));
  const draw = (line) => line.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd();
  return [head, widths.map((width) => "─".repeat(width)), ...lines].map(draw).join("\n");
}
