// SPDX-License-Identifier: Apache-2.0

// Connection state recovery, by stock clients; with TARGET=library of a program that uses gateway/socketio, which keeps sessions
// in its memory (cases of two gateways are left out there). The same cases run against Node's server with TARGET=reference (over Redis
// Streams) and TARGET=reference-in-memory (one process, so that cases of two gateways are left out there);
// docs/measured/delivery.md says which it fails.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as dial, createServer } from "node:net";
import { before, test } from "node:test";

import { connect } from "./client.mjs";
import { startCluster, target } from "./cluster.mjs";
import { atEnd } from "./ending.mjs";
import { wholeFile } from "./realtime.mjs";

const alone = target === "reference-in-memory" || target === "library";
const twoGateways = { skip: alone && "there is one gateway" };

const all = wholeFile();
let cluster, urls;
before(async () => {
  cluster = await startCluster(all, alone ? 1 : 2);
  urls = cluster.gateways.map(({ url }) => url);
  if (alone) urls.push(urls[0]);
});

let rooms = 0;
const newRoom = () => `room ${++rooms}`;

/** A member of a room, and somebody on another gateway who is not and speaks there. */
async function meet(t, { url = urls[0], options } = {}) {
  const room = newRoom();
  const speaker = await connect(t, urls[1], { transports: ["websocket"] });
  const member = await connect(t, url, { transports: ["websocket"], ...options });
  assert.equal(await member.ask("join", room), "ok");
  const say = async (...texts) => {
    for (const text of texts) assert.equal(await speaker.ask("say", room, { text }), "ok");
  };
  const hears = async (...texts) => {
    for (const text of texts) assert.deepEqual((await member.next("said"))[0], { text });
  };
  return { room, speaker, member, say, hears };
}

/** Loses the connection, as a network does. The socket does not come back by itself. */
async function lose(member) {
  member.socket.io.engine.close();
  await member.next("disconnect");
}

/** Comes back, to a gateway, and says whether the session was recovered. */
async function comeBack(member, url = urls[1]) {
  member.socket.io.uri = url;
  member.socket.connect();
  await member.next("connect");
  return member.socket.recovered;
}

/** Everything that was said so far has come, since this has; and nothing of it came twice. */
async function nothingElse({ say, hears, member }) {
  await say("the end");
  await hears("the end");
  assert.deepEqual(member.untaken("said"), []);
}

test("id, rooms and data come back, and what was missed, in order", async (t) => {
  const meeting = await meet(t);
  const { member, say, hears } = meeting;
  const { id } = member.socket;
  assert.equal(await member.ask("name", "Ada"), "ok");
  await say("before");
  await hears("before");
  await lose(member);
  const missed = Array.from({ length: 50 }, (_, i) => `missed ${i}`);
  await say(...missed);
  assert.equal(await comeBack(member), true);
  await hears(...missed);
  assert.equal(member.socket.id, id);
  assert.equal(await member.ask("whoami"), "Ada");
  await nothingElse(meeting);
});

test("a client that has heard no event yet is recovered", async (t) => {
  const meeting = await meet(t);
  await lose(meeting.member);
  await meeting.say("missed");
  assert.equal(await comeBack(meeting.member), true);
  await meeting.hears("missed");
  await nothingElse(meeting);
});

test("a volatile event's last argument does not become the offset", async (t) => {
  const meeting = await meet(t);
  const { room, speaker, member, say, hears } = meeting;
  await say("before");
  await hears("before");
  assert.equal(await speaker.ask("flash", room, "text"), "ok");
  assert.equal((await member.next("flashed"))[0], "text");
  await lose(member);
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await nothingElse(meeting);
});

test("a session outlives the SIGKILL of its gateway", twoGateways, async (t) => {
  const doomed = await cluster.start();
  const meeting = await meet(t, { url: doomed.url });
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  await doomed.kill();
  await member.next("disconnect");
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await nothingElse(meeting);
});

test("a session outlives the SIGTERM of its gateway", twoGateways, async (t) => {
  const leaving = await cluster.start();
  const meeting = await meet(t, { url: leaving.url });
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  const left = leaving.stop();
  await member.next("disconnect");
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await left;
  await nothingElse(meeting);
});

/** A way to a gateway that can go dead: the client sees its connection end, the gateway does not, until bury. */
async function startDeadEnd(t, url) {
  const ends = [];
  const server = createServer((near) => {
    const far = dial(new URL(url).port, "127.0.0.1");
    ends.push({ near, far });
    for (const socket of [near, far]) socket.on("error", () => {}); // The other end is told below.
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const die = () => {
    for (const { near, far } of ends) {
      near.unpipe(far);
      far.unpipe(near);
      far.resume();
      near.destroy();
    }
  };
  const bury = () => ends.forEach(({ far }) => far.destroy());
  atEnd(t, () => {
    die();
    bury();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${server.address().port}`, die, bury };
}

test("a client comes back while its old connection is half open", async (t) => {
  const deadEnd = await startDeadEnd(t, urls[0]);
  const meeting = await meet(t, { url: deadEnd.url });
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  deadEnd.die();
  await member.next("disconnect");
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await nothingElse(meeting);
});

test("the late end of an old connection does not harm the session", async (t) => {
  const deadEnd = await startDeadEnd(t, urls[0]);
  const meeting = await meet(t, { url: deadEnd.url });
  const { room, member, say, hears } = meeting;
  await say("before");
  await hears("before");
  deadEnd.die();
  await member.next("disconnect");
  await comeBack(member);
  const other = newRoom();
  assert.equal(await member.ask("join", room), "ok"); // where it was not recovered
  assert.equal(await member.ask("join", other), "ok");
  deadEnd.bury();
  await say("after");
  await hears("after");
  await lose(member);
  await say("missed");
  assert.equal(await meeting.speaker.ask("say", other, { text: "missed too" }), "ok");
  assert.equal(await comeBack(member), true);
  await hears("missed", "missed too");
  await nothingElse(meeting);
});

test("the end of a half-open connection does not harm a session that was recovered before", async (t) => {
  const deadEnd = await startDeadEnd(t, urls[0]);
  const meeting = await meet(t);
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  await lose(member);
  assert.equal(await comeBack(member, deadEnd.url), true);
  await say("between");
  await hears("between");
  deadEnd.die();
  await member.next("disconnect");
  await say("missed");
  assert.equal(await comeBack(member), true);
  deadEnd.bury();
  await hears("missed");
  await say("after");
  await hears("after");
  await nothingElse(meeting);
});

test("a session is recovered again and again", async (t) => {
  const meeting = await meet(t);
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  for (let i = 0; i < 5; i++) {
    await lose(member);
    await say(`missed ${i}`);
    assert.equal(await comeBack(member, urls[i % 2]), true, `the ${i + 1}. time`);
    await hears(`missed ${i}`);
  }
  await nothingElse(meeting);
});

test("a second loss right after a replay does not bring the same again", async (t) => {
  const meeting = await meet(t);
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  await lose(member);
  await say("one", "two");
  assert.equal(await comeBack(member), true);
  await lose(member);
  await say("three");
  assert.equal(await comeBack(member, urls[0]), true);
  await hears("one", "two", "three");
  await nothingElse(meeting);
});

test("a client comes back faster than its gateway speaks to the broker", twoGateways, async (t) => {
  const meeting = await meet(t);
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  await cluster.gateways[0].slow(500);
  atEnd(t, () => cluster.gateways[0].slow(0));
  await lose(member);
  assert.equal(await comeBack(member), true);
  await say("after");
  await hears("after");
  await nothingElse(meeting);
});

test("a replay leaves out what was not for the client", async (t) => {
  const meeting = await meet(t);
  const { room, speaker, member, say, hears } = meeting;
  const excepted = newRoom();
  assert.equal(await member.ask("join", excepted), "ok");
  await say("before");
  await hears("before");
  await lose(member);
  assert.equal(await speaker.ask("except", room, excepted, { text: "not for you" }), "ok");
  assert.equal(await speaker.ask("except", room, newRoom(), { text: "for you" }), "ok");
  assert.equal(await comeBack(member), true);
  await hears("for you");
  await nothingElse(meeting);
});

test("a replay has nothing of a room from before the client joined it", async (t) => {
  const meeting = await meet(t);
  const { speaker, member, say, hears } = meeting;
  await say("before");
  await hears("before");
  const other = newRoom();
  assert.equal(await speaker.ask("say", other, { text: "before you came" }), "ok");
  assert.equal(await member.ask("join", other), "ok");
  await lose(member);
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await nothingElse(meeting);
});

test("a replay has nothing of a room from after the client left it", async (t) => {
  const meeting = await meet(t);
  const { speaker, member, say, hears } = meeting;
  const other = newRoom();
  assert.equal(await member.ask("join", other), "ok");
  await say("before");
  await hears("before");
  assert.equal(await member.ask("leave", other), "ok");
  assert.equal(await speaker.ask("say", other, { text: "after you left" }), "ok");
  await lose(member);
  assert.equal(await speaker.ask("say", other, { text: "long after you left" }), "ok");
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await nothingElse(meeting);
});

test("what is for the socket's id alone is not missed, nor lost where it has come to", async (t) => {
  const meeting = await meet(t);
  const { speaker, member, say, hears } = meeting;
  await say("before");
  await hears("before");
  const { id } = member.socket;
  await lose(member);
  assert.equal(await speaker.ask("say", id, { text: "missed" }), "ok");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  assert.equal(await speaker.ask("say", id, { text: "after" }), "ok");
  await hears("after");
  await nothingElse(meeting);
});

test("binary events are replayed", async (t) => {
  const meeting = await meet(t);
  const { room, speaker, member, say, hears } = meeting;
  await say("before");
  await hears("before");
  await lose(member);
  const payload = { bytes: Buffer.from([0, 1, 254, 255]) };
  assert.equal(await speaker.ask("say", room, payload), "ok");
  await say("after");
  assert.equal(await comeBack(member), true);
  assert.deepEqual((await member.next("said"))[0], payload);
  await hears("after");
  await nothingElse(meeting);
});

test("polling clients are recovered", async (t) => {
  const meeting = await meet(t, { options: { transports: ["polling"] } });
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  await lose(member);
  await say("missed");
  assert.equal(await comeBack(member), true);
  await hears("missed");
  await nothingElse(meeting);
});

test("a client that has said goodbye is not recovered", async (t) => {
  const meeting = await meet(t);
  const { member, say, hears } = meeting;
  await say("before");
  await hears("before");
  member.socket.disconnect();
  await member.next("disconnect");
  await say("missed");
  assert.notEqual(await comeBack(member), true);
  assert.equal(await member.ask("join", meeting.room), "ok");
  await nothingElse(meeting);
});

/**
 * A way to a gateway whose link can be told to break once: when the gateway has sent that many bytes more, over however many
 * connections, all of them end, the last one in the middle of what was on its way.
 */
async function startBrittleLink(t, url) {
  const ends = new Set();
  let left = Infinity;
  let broke;
  const end = () => {
    for (const socket of ends) socket.destroy();
    ends.clear();
  };
  const server = createServer((near) => {
    const far = dial(new URL(url).port, "127.0.0.1");
    for (const socket of [near, far]) {
      ends.add(socket);
      socket.on("error", () => {}); // The other end is told below.
      socket.on("close", () => [near, far].forEach((socket) => socket.destroy()));
    }
    near.pipe(far);
    far.on("data", (data) => {
      if (data.length < left) {
        left -= data.length;
        near.write(data);
        return;
      }
      near.write(data.subarray(0, left), end);
      left = Infinity;
      far.pause();
      broke();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    end();
    return new Promise((resolve) => server.close(resolve));
  });
  const breakAfter = (bytes) => {
    left = bytes;
    return new Promise((resolve) => (broke = resolve));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, breakAfter };
}

for (const transport of ["websocket", "polling"]) {
  for (const bytes of [100, 400, 3000, 12_000, 30_000]) {
    const name = `a recovery whose ${transport} link breaks after ${bytes} bytes goes on where it broke`;
    test(name, { skip: target.startsWith("reference") && "Node's server sends what was missed before CONNECT" }, async (t) => {
      const link = await startBrittleLink(t, urls[1]);
      const options = { transports: [transport], reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 };
      const meeting = await meet(t, { url: link.url, options });
      const { member, say, hears, speaker, room } = meeting;
      await say("before");
      await hears("before");
      const { id } = member.socket;
      member.socket.io.reconnection(false);
      await lose(member);
      const texts = Array.from({ length: 100 }, (_, i) => `missed ${i} ${"x".repeat(300)}`);
      for (let i = 0; i < texts.length; i += 10) {
        const asked = texts.slice(i, i + 10).map((text) => speaker.ask("say", room, { text }));
        assert.deepEqual(new Set(await Promise.all(asked)), new Set(["ok"]));
      }
      const broke = link.breakAfter(bytes);
      member.socket.io.reconnection(true);
      member.socket.connect();
      await broke;
      await hears(...texts);
      await nothingElse(meeting);
      assert.equal(member.socket.recovered, true);
      assert.equal(member.socket.id, id);
    });
  }
}
