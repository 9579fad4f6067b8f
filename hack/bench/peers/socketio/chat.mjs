// SPDX-License-Identifier: Apache-2.0

// The guide's chat, with its rooms and an echo: what each server of Socket.IO in JavaScript does here.

// secure has clients show tokens, as the guide's middleware does, and says what they may do in rooms.
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
    socket.use(([event, , answer], next) => {
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
