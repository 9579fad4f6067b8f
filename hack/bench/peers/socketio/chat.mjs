// SPDX-License-Identifier: Apache-2.0

// The guide's chat, with its rooms and an echo: what each server of Socket.IO in JavaScript does here.

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
