// SPDX-License-Identifier: Apache-2.0

// What the official Engine.IO v4 test suite asks of a server, and the answers of the reference beside it. The suite wants
// an echo of Engine.IO messages; here the messages are Socket.IO packets for the application of the conformance sample.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectTCP } from "node:net";
import { before, describe, test } from "node:test";

import { pingPatience, startConformance, wholeFile } from "./realtime.mjs";
import { connectWebSocket, openPolling, openWebSocket, request } from "./wire.mjs";

const all = wholeFile();
let quick, calm, pinged;
before(async () => {
  ({ quick, calm, pinged } = await startConformance(all, "quick", "calm", "pinged"));
});

describe("handshake", () => {
  test("polling gets the open packet with exactly its keys", async () => {
    const { status, headers, body } = await request(quick);
    assert.equal(status, 200);
    assert.equal(headers.get("content-type"), "text/plain; charset=UTF-8");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(body[0], "0");
    const { sid, ...rest } = JSON.parse(body.slice(1));
    assert.match(sid, /^[\w-]{20,}$/);
    assert.deepEqual(rest, { upgrades: ["websocket"], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  });

  test("websocket gets the open packet, without upgrades", async (t) => {
    const { open } = await openWebSocket(t, quick);
    const { sid, ...rest } = open;
    assert.match(sid, /^[\w-]{20,}$/);
    assert.deepEqual(rest, { upgrades: [], pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 });
  });

  const refusals = {
    "no EIO": [{ EIO: undefined }, {}, 5, "Unsupported protocol version"],
    "EIO abc": [{ EIO: "abc" }, {}, 5, "Unsupported protocol version"],
    "EIO 3": [{ EIO: "3" }, {}, 5, "Unsupported protocol version"],
    "no transport": [{ transport: undefined }, {}, 0, "Transport unknown"],
    "transport abc": [{ transport: "abc" }, {}, 0, "Transport unknown"],
    "transport __proto__": [{ transport: "__proto__" }, {}, 0, "Transport unknown"],
    "transport websocket without an upgrade": [{ transport: "websocket" }, {}, 3, "Bad request"],
    "POST without sid": [{}, { method: "POST", body: "4" }, 2, "Bad handshake method"],
    "PUT without sid": [{}, { method: "PUT" }, 2, "Bad handshake method"],
    "unknown sid": [{ sid: "abc" }, {}, 1, "Session ID unknown"],
    "sid __proto__": [{ sid: "__proto__" }, {}, 1, "Session ID unknown"],
  };
  for (const [name, [query, options, code, message]] of Object.entries(refusals)) {
    test(`${name} is refused`, async () => {
      const { status, headers, body } = await request(calm, query, options);
      assert.deepEqual({ status, ...JSON.parse(body) }, { status: 400, code, message });
      assert.equal(headers.get("content-type"), "application/json");
      assert.equal(headers.get("access-control-allow-origin"), "*");
    });
  }

  for (const query of [{ EIO: "" }, { EIO: "abc" }, { transport: "" }, { transport: "abc" }, { sid: "abc" }]) {
    test(`a websocket with ${JSON.stringify(query)} is refused`, async (t) => {
      const { refused } = await connectWebSocket(t, calm, query);
      assert.equal(refused, 400);
    });
  }

  test("a preflight of another origin is answered", async () => {
    const headers = { origin: "https://example.com", "access-control-request-method": "POST" };
    const { status, headers: got, body } = await request(calm, {}, { method: "OPTIONS", headers });
    assert.deepEqual({ status, body }, { status: 204, body: "" });
    assert.equal(got.get("access-control-allow-origin"), "*");
    assert.match(got.get("access-control-allow-methods"), /\bPOST\b/);
  });
});

describe("messages", () => {
  test("polling carries several in one request, in order", async () => {
    const session = await openPolling(calm);
    await session.send("40");
    assert.match(await session.receive(), /^40\{"sid":"[^"]+"\}$/);
    assert.equal(await session.receive(), '42["auth",{}]');
    await session.send('42["message",1]', '42["message",2]', '42["message","茶"]');
    for (const echo of ["1", "2", '"茶"']) assert.equal(await session.receive(), `42["message-back",${echo}]`);
  });

  test("polling carries binary as base64", async () => {
    const session = await openPolling(calm);
    await session.send("40");
    await session.receive();
    await session.receive();
    await session.send('451-["message",{"_placeholder":true,"num":0}]', "bAQIDBA==");
    assert.equal(await session.receive(), '451-["message-back",{"_placeholder":true,"num":0}]');
    assert.equal(await session.receive(), "bAQIDBA==");
  });

  test("what is no packet closes the session", async (t) => {
    const session = await openPolling(calm);
    await session.post("abc");
    await session.untilGone();

    const socket = await openWebSocket(t, calm);
    socket.send("abc");
    await socket.closed();
  });

  test("a request beyond maxPayload is refused, a frame closes with 1009", async (t) => {
    const large = "4" + "x".repeat(1_000_000);
    const session = await openPolling(calm);
    assert.equal((await session.post(large)).status, 413);

    const socket = await openWebSocket(t, calm);
    socket.send(large);
    assert.equal(await socket.closed(), 1009);
  });

  test("two polls at once close the session", async () => {
    const session = await openPolling(calm);
    const answers = await Promise.all([session.poll(), session.poll()]);
    const [first, second] = answers.sort((a, b) => a.status - b.status);
    assert.deepEqual([first.status, first.body, second.status], [200, "1", 400]);
    assert.equal((await session.poll()).status, 400);
  });

  test("a poll that the client gives up closes the session", async () => {
    const session = await openPolling(calm);
    const socket = connectTCP({ host: "localhost", port: new URL(calm).port });
    await once(socket, "connect");
    socket.end(`GET /socket.io/?EIO=4&transport=polling&sid=${session.sid} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    socket.resume();
    await session.untilGone();
  });
});

describe("heartbeat", () => {
  test("polling is pinged, and ended when it stops to answer", async () => {
    const session = await openPolling(pinged);
    await session.send("40");
    await session.receive();
    await session.receive();
    for (let round = 0; round < 3; round++) {
      assert.equal(await session.receive(), "2");
      await session.send("3");
    }
    const seen = await session.untilGone();
    assert.equal(seen[0], "2");
  });

  test("websocket is pinged, and closed when it stops to answer", async (t) => {
    // Before the connection and not behind it, which a busy machine may tell late: then no ping is early.
    const start = performance.now();
    const socket = await openWebSocket(t, pinged);
    socket.send("40");
    assert.match(await socket.receive(), /^40/);
    await socket.expect('42["auth",{}]');
    let answered;
    for (let round = 1; round <= 3; round++) {
      await socket.expect("2");
      assert.ok(performance.now() - start > round * 300 - 50, `ping ${round} came early`);
      answered = performance.now();
      socket.send("3");
    }
    await socket.expect("2");
    await socket.closed();
    const late = performance.now() - answered;
    assert.ok(late > 300 + pingPatience - 50, `closed ${late} ms after the last pong`);
  });
});

describe("close", () => {
  test("polling ends with the close packet", async () => {
    const session = await openPolling(calm);
    const [poll] = await Promise.all([session.poll(), session.send("1")]);
    // Which of the two requests comes first is the network's choice.
    assert.ok(poll.body === "6" || poll.status === 400, `${poll.status} ${poll.body}`);
    assert.equal((await session.poll()).status, 400);
  });

  test("websocket ends with the close packet", async (t) => {
    const socket = await openWebSocket(t, calm);
    socket.send("1");
    await socket.closed();
  });

  test("another session with the same server goes on", async (t) => {
    const [going, staying] = [await openWebSocket(t, calm), await openWebSocket(t, calm)];
    going.close();
    await going.closed();
    staying.send("40");
    assert.match(await staying.receive(), /^40\{/);
  });
});

describe("upgrade", () => {
  async function upgraded(t) {
    const session = await openPolling(calm);
    await session.send("40");
    await session.receive();
    await session.receive();
    const socket = await connectWebSocket(t, calm, { sid: session.sid });
    const poll = session.poll();
    socket.send("2probe");
    await socket.expect("3probe");
    assert.equal((await poll).body, "6");
    socket.send("5");
    socket.send('42["message","after"]');
    await socket.expect('42["message-back","after"]');
    return { session, socket };
  }

  test("polling goes over to websocket", async (t) => {
    await upgraded(t);
  });

  test("after it a poll is refused", async (t) => {
    const { session } = await upgraded(t);
    const { status, body } = await session.poll();
    assert.deepEqual([status, JSON.parse(body)], [400, { code: 3, message: "Bad request" }]);
  });

  test("after it another websocket of the session is closed", async (t) => {
    const { session, socket } = await upgraded(t);
    const second = await connectWebSocket(t, calm, { sid: session.sid });
    if (!second.refused) await second.closed();
    socket.send('42["message","still"]');
    await socket.expect('42["message-back","still"]');
  });

  test("a probe that says something else is closed, and the session goes on", async (t) => {
    const session = await openPolling(calm);
    const socket = await connectWebSocket(t, calm, { sid: session.sid });
    socket.send("4hello");
    await socket.closed();
    await session.send("40");
    assert.match(await session.receive(), /^40\{/);
  });
});
