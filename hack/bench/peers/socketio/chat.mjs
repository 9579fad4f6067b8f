// SPDX-License-Identifier: Apache-2.0

// The guide's chat, with its rooms and an echo: what each server of Socket.IO in JavaScript does here.

const RATE = 100_000; // events per second and client: counted, and never reached

// bucket returns a function that takes a token out of a bucket, and tells whether there was one.
function bucket(rate, burst) {
  let left = burst;
  let filled = performance.now();
  return () => {
    const now = performance.now();
    left = Math.min(burst, left + (now - filled) * rate / 1000);
    filled = now;
    if (left < 1) return false;
    left--;
    return true;
  };
}

// secure has clients show tokens, as the guide's middleware does, counts their events, and says what they may do in rooms.
export function secure(io, verify) {
  io.use((socket, next) => {
    try {
      socket.data.claims = verify(socket.handshake.auth.token);
      next();
    } catch {
      next(new Error("unauthorized"));
    }
  });
  io.on("connection", (socket) => {
    const { claims } = socket.data;
    const take = bucket(RATE, 2 * RATE);
    socket.use(([event, , answer], next) => {
      if (!take()) {
        if (typeof answer === "function") answer({ error: { code: "rate_limited" } });
        return;
      }
      if (event === "joinRoom" && !claims.scopes.includes("rooms") || event === "roomMessage" && claims.role !== "writer") {
        if (typeof answer === "function") answer({ error: { code: "forbidden" } });
        return;
      }
      next();
    });
  });
}

export function chat(io) {
  const message = (text) => ({ username: "user1", message: text, timestamp: new Date().toISOString() });
  io.on("connection", (socket) => {
    socket.on("chatMessage", (text) => io.emit("newMessage", message(text)));
    socket.on("joinRoom", async (room, ack) => {
      await socket.join(room);
      ack();
    });
    socket.on("roomMessage", (room, text) => io.to(room).emit("newMessage", message(text)));
    socket.on("echo", (text, ack) => ack(text));
  });
}
