// Stock Socket.IO clients, told what to do on standard input and telling what happens on standard output, one JSON object a
// line. In: {do: "connect", client, url, options}, {do: "emit", client, event, args}, {do: "close", client},
// {do: "lose", client}, {do: "return", client}, {do: "resolve", host, address}, {do: "load", client, event, args, everyMillis, forMillis}. Out: {client, event, args},
// where connect has the socket's id, disconnect the reason and connect_error the message as its argument. It ends with its standard
// input.
import dns from "node:dns";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { io } = createRequire(new URL("../../clients/", import.meta.url))("socket.io-client");

const sockets = new Map();

// Hosts that no name server knows.
const addresses = new Map();
const { lookup } = dns;
dns.lookup = (host, options, callback) => lookup(addresses.get(host) ?? host, options, callback);
const timers = new Set();

function tell(client, event, ...args) {
  process.stdout.write(JSON.stringify({ client, event, args }) + "\n");
}

const actions = {
  connect({ client, url, options }) {
    const socket = io(url, { forceNew: true, reconnectionDelay: 200, reconnectionDelayMax: 1000, ...options });
    sockets.set(client, socket);
    socket.on("connect", () => tell(client, "connect", socket.id));
    socket.on("disconnect", (reason) => tell(client, "disconnect", reason));
    socket.on("connect_error", (error) => tell(client, "connect_error", error.message));
    socket.onAny((event, ...args) => {
      if (!socket.quiet) tell(client, event, ...args);
    });
  },
  resolve({ host, address }) {
    addresses.set(host, address);
  },
  emit({ client, event, args }) {
    sockets.get(client).emit(event, ...args);
  },
  close({ client }) {
    sockets.get(client).close();
  },
  // Loses the connection without a goodbye, and stays away until it is told to return.
  lose({ client }) {
    const { io: manager } = sockets.get(client);
    manager.reconnection(false);
    manager.engine.close();
  },
  return({ client }) {
    const socket = sockets.get(client);
    socket.io.reconnection(true);
    socket.connect();
  },
  // Emits on and on for a while; what comes back to these clients is received, and not told.
  load({ client, event, args, everyMillis, forMillis }) {
    for (const socket of sockets.values()) socket.quiet = true;
    const timer = setInterval(() => sockets.get(client).emit(event, ...args), everyMillis);
    timers.add(timer);
    setTimeout(() => clearInterval(timer), forMillis).unref();
  },
  unload() {
    timers.forEach(clearInterval);
    timers.clear();
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  actions[order.do](order);
}
process.exit(0);
