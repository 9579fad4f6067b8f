// SPDX-License-Identifier: Apache-2.0

// What the official Socket.IO v5 test suite asks of a server, byte for byte, over raw websockets.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { connect } from "./client.mjs";
import { startConformance, wholeFile } from "./realtime.mjs";
import { openWebSocket } from "./wire.mjs";

const all = wholeFile();
let calm, pinged, lonely;
before(async () => {
  ({ calm, pinged, lonely } = await startConformance(all, "calm", "pinged", "lonely"));
});

/** A connection on which `packet` was answered by CONNECT, with its sid alone, and the auth event. */
async function joined(t, url = calm, packet = "40") {
  const socket = await openWebSocket(t, url);
  await join(socket, packet);
  return socket;
}

async function join(socket, packet) {
  const [, namespace = "", auth = "{}"] = /^40(\/[^,]+,)?(\{.*\})?$/.exec(packet);
  socket.send(packet);
  const answer = await socket.receive();
  assert.equal(answer.slice(0, 2 + namespace.length), "40" + namespace);
  const payload = JSON.parse(answer.slice(2 + namespace.length));
  assert.deepEqual(Object.keys(payload), ["sid"]);
  await socket.expect(`42${namespace}["auth",${auth}]`);
  return payload.sid;
}

describe("connect", () => {
  for (const packet of ["40", '40{"token":"123"}', "40/custom,", '40/custom,{"token":"abc"}']) {
    test(`${packet} is answered with a sid alone, and auth comes back`, async (t) => {
      await joined(t, calm, packet);
    });
  }

  test("the sid of a namespace is neither the session's nor another namespace's", async (t) => {
    const socket = await openWebSocket(t, calm);
    const sids = [socket.open.sid, await join(socket, "40"), await join(socket, "40/custom,")];
    assert.equal(new Set(sids).size, 3);
  });

  test("an unknown namespace is refused, and the connection lives", async (t) => {
    const socket = await openWebSocket(t, calm);
    socket.send("40/random");
    await socket.expect('44/random,{"message":"Invalid namespace"}');
    await join(socket, "40");
  });

  test("a stock client hears that the namespace is unknown", async (t) => {
    const client = await connect(t, `${calm}/random`, { autoConnect: false });
    client.socket.connect();
    assert.deepEqual(await client.next("connect_error"), ["Invalid namespace"]);
  });

  test("who connects to no namespace is closed", async (t) => {
    const start = performance.now();
    const socket = await openWebSocket(t, lonely);
    await socket.closed();
    const after = performance.now() - start;
    assert.ok(after > 1_000 - 50, `closed after ${after} ms`);
  });
});

describe("disconnect", () => {
  test("after it nothing comes but pings", async (t) => {
    const socket = await joined(t, pinged);
    socket.send("41");
    await socket.expect("2");
  });

  test("one namespace can be left, and the other stays", async (t) => {
    const socket = await joined(t);
    await join(socket, "40/custom,");
    socket.send("41/custom", '42["message","still here"]');
    await socket.expect('42["message-back","still here"]');
  });

  test("a namespace that was left can be entered again", async (t) => {
    const socket = await joined(t);
    socket.send("41");
    await join(socket, "40");
  });
});

describe("events", () => {
  const bytes = [Buffer.from([1, 2, 3]), Buffer.from([4, 5, 6])];
  const placeholders = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';
  const exchanges = {
    "plain arguments come back as they are": [
      ['42["message",1,"2",{"3":[true]}]'],
      ['42["message-back",1,"2",{"3":[true]}]'],
    ],
    "text is not escaped, keys keep their order, numbers their form": [
      ['42["message","<b>&\u2028 茶👋",{"b":1,"a":{"z":null}},1e2,-0.50,12345678901234567890]'],
      ['42["message-back","<b>&\u2028 茶👋",{"b":1,"a":{"z":null}},1e2,-0.50,12345678901234567890]'],
    ],
    "binary arguments come back": [
      [`452-["message",${placeholders}]`, ...bytes],
      [`452-["message-back",${placeholders}]`, ...bytes],
    ],
    "an acknowledgement has the arguments": [
      ['42456["message-with-ack",1,"2",{"3":[false]}]'],
      ['43456[1,"2",{"3":[false]}]'],
    ],
    "an acknowledgement has binary arguments": [
      [`452-789["message-with-ack",${placeholders}]`, ...bytes],
      [`462-789[${placeholders}]`, ...bytes],
    ],
    "an event that nobody handles is acknowledged, so that a client with retries goes on": [
      ['427["whatever",1]'],
      ['437[{"error":"the service does not handle the event"}]'],
    ],
    "an acknowledgement that nobody asked for is ignored": [
      ['4399["late"]', '42["message",1]'],
      ['42["message-back",1]'],
    ],
  };
  for (const [name, [sent, expected]] of Object.entries(exchanges)) {
    test(name, async (t) => {
      const socket = await joined(t);
      socket.send(...sent);
      await socket.expect(...expected);
    });
  }

  test("several hundred kB go through", async (t) => {
    const socket = await joined(t);
    const text = "茶".repeat(150_000);
    socket.send(`42["message","${text}"]`);
    await socket.expect(`42["message-back","${text}"]`);
  });
});

describe("a bad packet closes its own connection and no other", () => {
  const deep = "[".repeat(5000) + "]".repeat(5000);
  const bad = {
    "an unknown packet type": ["4abc"],
    "an unknown packet type beyond the last": ["47"],
    "an event without an array": ["42{}"],
    "an event without a name": ["42[]"],
    "an event with broken JSON": ['42["message",'],
    "an id that is none": ['42abc["message-with-ack",1]'],
    "a reserved event name": ['42["disconnect"]'],
    "an event for a namespace not joined": ['42/custom,["message"]'],
    "binary without announcement": [Buffer.from([1])],
    "text instead of the attachment": ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
    "a placeholder for no attachment": ['451-["message",{"_placeholder":true,"num":7}]', Buffer.from([1])],
    "more attachments than allowed": ['4511-["message"]'],
    "a connect error from a client": ['44{"message":"x"}'],
    "JSON as deep as a well": [`42["message",${deep}]`],
  };
  let neighbour;
  before(async () => {
    neighbour = await joined(all);
  });
  for (const [name, packets] of Object.entries(bad)) {
    test(name, async (t) => {
      const socket = await joined(t);
      socket.send(...packets);
      await socket.closed();
      assert.deepEqual(socket.left(), []);
      neighbour.send(`42["message","${name}"]`);
      await neighbour.expect(`42["message-back","${name}"]`);
    });
  }

  test("an event before connect", async (t) => {
    for (const packet of ["4abc", '42["message"]']) {
      const socket = await openWebSocket(t, calm);
      socket.send(packet);
      await socket.closed();
    }
  });

  test("what kills the reference's application is harmless", async () => {
    neighbour.send('42["message-with-ack",1]', '42["message",2]');
    await neighbour.expect('42["message-back",2]');
  });
});
