// SPDX-License-Identifier: Apache-2.0

// What a server sends back to back, for pairs.test.mjs: each case is a list of steps that a handler takes at
// once, and is run by Node's server (reference.mjs) and by a manifest that is made of the same list.

/** Steps: an event, one with a binary argument, the acknowledgement, and the end of the socket or of the connection. */
const steps = ["event", "binary", "ack", "disconnect", "close"];

/**
 * Cases by name: {steps, at, violate, closes}. at is "event" or "connection", the handler that takes the steps; in a
 * namespace that is "unknown" there is none, and CONNECT is refused. violate: the client sends a packet that
 * is none, upon which the server closes the Engine.IO session and nothing else. closes: the steps close the
 * connection.
 */
export const cases = {};

function add(at, list, violate = false) {
  const words = list.length > 4 ? [list.length, "steps", list.at(-1)] : list;
  // A socket that is disconnected closes nothing any more.
  const closes = list.find((step) => step === "disconnect" || step === "close") === "close";
  cases[[at, ...words, ...(violate ? ["violation"] : [])].join("-")] = { steps: list, at, violate, closes };
}

// A poll that waits takes the first packet alone. What comes after it shares an answer.
for (const first of steps) for (const second of steps) if (first !== second || first === "event") add("event", ["event", first, second]);
for (const step of ["event", "binary", "ack"]) add("event", ["event", step], true);
add("event", Array(20).fill("event").concat("close"));
add("event", Array(30).fill("event"));
for (const step of ["event", "binary", "disconnect", "close"]) add("connection", [step]);
for (const step of ["binary", "disconnect", "close"]) add("connection", ["event", step]);
add("connection", ["event"], true);
add("unknown", []);
add("unknown", [], true);

export const namespaceOf = (name) => (cases[name].at === "event" ? "/" : `/${name}`);

const actions = {
  event: 'emit: {to: socket, event: event, args: "[1]"}',
  binary: 'emit: {to: socket, event: binary, args: "[b\'\\\\x01\\\\x02\']"}',
  ack: 'ack: "[2]"',
  disconnect: "disconnect: {}",
  close: "disconnect: {close: true}",
};

/** The manifest of all cases. */
export function manifest({ pingInterval, webTransport }) {
  const handler = (event, list) => [`  - event: ${event}`, "    do:", ...list.map((step) => `    - ${actions[step]}`)];
  const of = (at) => Object.entries(cases).filter(([, c]) => c.at === at);
  return [
    "apiVersion: realtime-operator.io/v1alpha1",
    "kind: RealtimeService",
    "metadata: {name: pairs}",
    "spec:",
    "  protocol:",
    "    allowEIO3: true",
    `    pingInterval: ${pingInterval}ms`,
    '    cors: {origins: ["*"]}',
    ...(webTransport ? ["    webTransport: {tlsSecretRef: {name: pairs-tls}}"] : []),
    "  namespaces:",
    "  - name: /",
    "    handlers:",
    ...of("event").flatMap(([name, { steps }]) => handler(name, steps)).map((line) => "  " + line),
    "  - name: /sync",
    "    handlers:",
    "    - event: sync",
    "      do:",
    '      - ack: "[]"',
    ...of("connection").flatMap(([name, { steps }]) => [
      `  - name: /${name}`, "    handlers:", ...handler("connection", steps).map((line) => "  " + line),
    ]),
    "",
  ].join("\n");
}
