// SPDX-License-Identifier: Apache-2.0

// One stock client for matrix.test.mjs, of any version and in any runtime. It obeys orders:
//   {do: "connect", url, transports, events, hash}, {do: "emit", event, args}, {do: "ask", event, args}, {do: "close"},
//   {do: "trust", hash}, the SHA-256 of the certificate that WebTransport will see from now on, in base64
// and tells {event, args}: the events that it was to listen to, ack with an answer, transport with the name of the one in use,
// connect with its id, disconnect with the reason, and connect_error with the message.

import { decode, encode } from "./bytes.mjs";

export function clientOf(io, tellEncoded) {
  const tell = (event, ...args) => tellEncoded({ event, args: encode(args) });
  const webtransport = {};
  const trust = ({ hash }) => {
    const value = Uint8Array.from(atob(hash), (char) => char.charCodeAt(0));
    webtransport.serverCertificateHashes = [{ algorithm: "sha-256", value }];
  };
  let socket;
  const actions = {
    connect({ url, transports, events, hash }) {
      const options = { forceNew: true, transports, reconnectionDelay: 50, reconnectionDelayMax: 200 };
      if (hash) {
        trust({ hash });
        options.transportOptions = { webtransport };
      }
      socket = io(url, options);
      socket.on("connect", () => {
        const { engine } = socket.io;
        tell("connect", socket.id);
        tell("transport", engine.transport.name);
        engine.on("upgrade", (transport) => tell("transport", transport.name));
      });
      socket.on("disconnect", (reason) => tell("disconnect", reason));
      // In 2.x failures to connect are the manager's to tell.
      for (const event of ["connect_error", "error"]) {
        socket.on(event, (error) => tell("connect_error", error.message ?? error));
      }
      for (const event of events) socket.on(event, (...args) => tell(event, ...args));
    },
    emit: ({ event, args }) => socket.emit(event, ...decode(args)),
    ask: ({ event, args }) => socket.emit(event, ...decode(args), (...answer) => tell("ack", ...answer)),
    close: () => socket.close(),
    trust,
  };
  return (order) => actions[order.do](order);
}
