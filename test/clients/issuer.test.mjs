// SPDX-License-Identifier: Apache-2.0

// Stock clients on two gateways whose tokens an issuer signs. Its keys are fetched from a server with a certificate of a private
// authority, which is down when the gateways start, and later again; and they are rotated.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import path from "node:path";
import { before, test } from "node:test";
import { promisify } from "node:util";

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-2";
import { io as io3 } from "socket.io-client-3";

import { atEnd } from "./ending.mjs";
import { Inbox } from "./inbox.mjs";
import { folder, startRealtime, wholeFile } from "./realtime.mjs";

const service = (url) => `
apiVersion: realtime-operator.io/v1alpha1
kind: RealtimeService
metadata: {name: issued}
spec:
  protocol: {allowEIO3: true, handshakes: {perSecond: 0}}
  authentication:
  - name: users
    jwt:
      issuer: https://id.example.com
      audiences: [chat]
      jwks: {url: ${url}/keys, ca: {configMapRef: {name: corporate}}}
      from: [auth.token, cookie.session, query.token]
    message: 认证失败
  - name: backend
    jwt: {issuer: backend, audiences: [chat], hmac: {secretRef: {name: backend}}}
  namespaces:
  - name: /chat
    authentication: [users, backend]
    handlers: &handlers
    - {event: who, do: [{ack: "[socket.user]"}]}
  - {name: /backend, authentication: [backend], handlers: *handlers}
  - {name: /, authentication: [users], anonymous: true, handlers: *handlers}
`;

/** Keys of the issuer, by their ids, which name their algorithms. */
const keys = {
  RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
};
const rotated = generateKeyPairSync("ed25519");
const secret = "0123456789abcdef0123456789abcdef";

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
const seconds = (after) => Math.floor(Date.now() / 1000) + after;

/** A token of Ada's, and what the algorithm makes of it. */
function token(alg, claims = {}, { kid = alg, key = keys[alg]?.privateKey } = {}) {
  const iss = alg === "HS256" ? "backend" : "https://id.example.com";
  const text = `${base64({ alg, kid })}.${base64({ iss, aud: "chat", sub: "ada", exp: seconds(3600), ...claims })}`;
  switch (alg) {
    case "HS256":
      return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
    case "ES256":
      return `${text}.${sign("sha256", text, { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
    default:
      return `${text}.${sign(alg === "RS256" ? "sha256" : null, Buffer.from(text), key).toString("base64url")}`;
  }
}

/** The issuer: its keys by their ids, whether it is up, and how often its set was fetched. */
const issuer = { keys: { ...keys }, up: false, fetches: 0 };

const all = wholeFile();
let urls, realtime;
before(async () => {
  const dir = await folder(all);
  const [cert, key] = ["ca.crt", "key.pem"].map((name) => path.join(dir, name));
  await promisify(execFile)("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost"],
    ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert],
  ]);
  const server = createServer({ cert: await readFile(cert), key: await readFile(key) }, (request, response) => {
    issuer.fetches++;
    if (!issuer.up) return response.writeHead(503).end();
    response.end(JSON.stringify({ keys: Object.entries(issuer.keys).map(([kid, { publicKey }]) => ({ ...publicKey.export({ format: "jwk" }), kid })) }));
  }).listen(0);
  await once(server, "listening");
  atEnd(all, () => {
    server.close();
    server.closeAllConnections();
  });

  const manifest = path.join(dir, "issued.yaml");
  await writeFile(manifest, service(`https://localhost:${server.address().port}`));
  const secrets = path.join(dir, "secrets");
  await mkdir(path.join(secrets, "_configmaps", "corporate"), { recursive: true });
  await writeFile(path.join(secrets, "_configmaps", "corporate", "ca.crt"), await readFile(cert));
  await mkdir(path.join(secrets, "backend"));
  await writeFile(path.join(secrets, "backend", "HS256"), secret);
  realtime = await startRealtime(all, { manifest, gateways: 2, secrets });
  urls = realtime.urls;
});

/** Connects by one of the clients; the answer is what happened first, and the socket. */
async function attempt(t, io, url, options = {}) {
  const socket = io(url, { forceNew: true, reconnection: false, transports: ["websocket"], ...(io === io2 && { agent: false }), ...options });
  atEnd(t, () => socket.close());
  const inbox = new Inbox("the client");
  for (const event of ["connect", "connect_error", "error"]) socket.on(event, (answer) => inbox.put({ event, answer }));
  return { socket, ...(await inbox.take(() => true, "an answer")) };
}

const who = ({ socket }) => new Promise((resolve) => socket.emit("who", (user) => resolve(user)));
const refusal = ({ event, answer }) => [event, answer.message, answer.data];
const refused = (code, message = "认证失败") => ["connect_error", message, { code }];

/** Tries until the answer is as wanted. */
async function until(what, is) {
  for (const end = Date.now() + 90_000; !(await is()); await new Promise((resolve) => setTimeout(resolve, 100))) {
    assert.ok(Date.now() < end, `${what}: not so far`);
  }
}

const connects = async (t, url, auth) => {
  const client = await attempt(t, io4, `${url}/chat`, { auth });
  client.socket.close();
  return client.event === "connect";
};

test("gateways start while the issuer is down", async (t) => {
  for (const url of urls) {
    assert.deepEqual(refusal(await attempt(t, io4, `${url}/chat`, { auth: { token: token("RS256") } })), refused("unavailable"));
    assert.equal(await who(await attempt(t, io4, `${url}/backend`, { auth: { token: token("HS256") } })), "ada");
    const { keySets } = await (await fetch(`${url}/status`)).json();
    assert.equal(keySets[0].keys, 0);
    assert.match(keySets[0].error, /status 503/);
  }
  issuer.up = true;
  for (const url of urls) await until("the keys are fetched", () => connects(t, url, { token: token("RS256") }));
});

for (const alg of ["HS256", "RS256", "ES256", "EdDSA"]) {
  test(`a token by ${alg}`, async (t) => {
    for (const url of urls) {
      for (const io of [io4, io3]) {
        const ada = await attempt(t, io, `${url}/chat`, { auth: { token: token(alg) } });
        assert.deepEqual([ada.event, ada.event === "connect" && (await who(ada))], ["connect", "ada"]);
      }
      const message = alg === "HS256" ? "Unauthorized" : "认证失败";
      for (const [claims, code] of [
        [{ aud: "mail" }, "token_invalid"],
        [{ exp: seconds(-60) }, "token_expired"],
        [{ nbf: seconds(60) }, "token_invalid"],
        [{ exp: undefined }, "token_invalid"],
      ]) {
        const got = refusal(await attempt(t, io4, `${url}/chat`, { auth: { token: token(alg, claims) } }));
        assert.equal(got[2].code, code, JSON.stringify(claims));
        if (!claims.aud) assert.equal(got[1], message);
      }
      const tampered = token(alg).replace(/\.[^.]+\./, `.${base64({ iss: alg === "HS256" ? "backend" : "https://id.example.com", aud: "chat", sub: "eve", exp: seconds(3600) })}.`);
      assert.deepEqual(refusal(await attempt(t, io4, `${url}/chat`, { auth: { token: tampered } })), refused("token_invalid", message));
    }
  });
}

test("a token in a cookie, for a connection by polling and by WebSocket", async (t) => {
  const extraHeaders = { cookie: `a=b; session=${token("ES256")}` };
  for (const transports of [["websocket"], ["polling"], ["polling", "websocket"]]) {
    const ada = await attempt(t, io4, `${urls[1]}/chat`, { transports, extraHeaders, transportOptions: { polling: { extraHeaders } } });
    assert.deepEqual([ada.event, await who(ada)], ["connect", "ada"]);
  }
});

test("a 2.x client is refused with its own event", async (t) => {
  const late = await attempt(t, io2, `${urls[0]}/`, { query: { token: token("RS256", { exp: seconds(-60) }) } });
  assert.deepEqual([late.event, late.answer], ["error", { code: "token_expired" }]);
  const ada = await attempt(t, io2, `${urls[0]}/`, { query: { token: token("RS256") } });
  assert.deepEqual([ada.event, await who(ada)], ["connect", "ada"]);
});

test("anonymous clients beside those with a token", async (t) => {
  assert.equal(await who(await attempt(t, io4, urls[0])), "");
  assert.equal(await who(await attempt(t, io4, urls[0], { auth: { token: token("EdDSA") } })), "ada");
  assert.deepEqual(refusal(await attempt(t, io4, urls[0], { auth: { token: "x" } })), refused("token_invalid"));
});

test("tokens with unknown keys cause at most two fetches of a gateway", async (t) => {
  const before = issuer.fetches;
  const began = Date.now();
  let left = 10_000;
  const some = async () => {
    while (left-- > 0) {
      const stranger = token("EdDSA", {}, { kid: `unknown-${left}`, key: rotated.privateKey });
      const { socket, event, answer } = await attempt(t, io4, `${urls[0]}/chat`, { auth: { token: stranger } });
      socket.close();
      assert.equal(event, "connect_error");
      assert.equal(answer.data?.code, "token_invalid", answer.message);
    }
  };
  await Promise.all(Array.from({ length: 50 }, some));
  const most = Date.now() - began < 30_000 ? 2 : 2 + Math.ceil((Date.now() - began) / 30_000);
  assert.ok(issuer.fetches - before <= most, `${issuer.fetches - before} fetches in ${Date.now() - began} ms`);
  assert.equal(await who(await attempt(t, io4, `${urls[0]}/chat`, { auth: { token: token("RS256") } })), "ada");
});

test("a key that is rotated", async (t) => {
  const next = { token: token("EdDSA", {}, { kid: "next", key: rotated.privateKey }) };
  assert.equal(await connects(t, urls[0], next), false);
  issuer.keys = { next: rotated, RS256: keys.RS256 };
  for (const url of urls) {
    await until("the new key is fetched", () => connects(t, url, next)); // at most 30 s after the last fetch
    assert.equal(await connects(t, url, { token: token("RS256") }), true);
    assert.deepEqual(refusal(await attempt(t, io4, `${url}/chat`, { auth: { token: token("ES256") } })), refused("token_invalid"), "a key that was removed");
  }
});

test("the issuer is down later", async (t) => {
  issuer.up = false;
  for (const url of urls) {
    assert.equal(await connects(t, url, { token: token("RS256") }), true);
    const stranger = token("EdDSA", {}, { kid: "unknown" });
    assert.equal((await attempt(t, io4, `${url}/chat`, { auth: { token: stranger } })).event, "connect_error");
    assert.equal(await connects(t, url, { token: token("RS256") }), true);
  }
});
