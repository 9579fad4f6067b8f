// SPDX-License-Identifier: Apache-2.0

// The client of the guide's chat room, as a process: it says what is written to its standard input, and ends with it.
// PORT is the gateway's, TRANSPORTS those to use, such as "polling"; the stock client chooses if it is empty.

import { createInterface } from "node:readline";
import * as client from "socket.io-client";

const transports = process.env.TRANSPORTS?.split(",").filter(Boolean) ?? [];

function io(url) {
  return client.io(url.replace(":3000", `:${process.env.PORT}`), transports.length > 0 ? { transports } : undefined);
}

// From here on it is section 4.2 of the guide, to the letter.

const socket = io('http://localhost:3000');

// 加入聊天室
const username = '用户' + Math.floor(Math.random() * 1000);
socket.emit('join', username);

// 发送消息
function sendMessage(message) {
  socket.emit('chatMessage', message);
}

// 接收消息
socket.on('newMessage', (data) => {
  console.log(`${data.username}: ${data.message}`);
});

// 系统消息
socket.on('systemMessage', (message) => {
  console.log(`系统: ${message}`);
});

// The guide's code ends here.

const input = createInterface({ input: process.stdin });
input.on("line", (line) => {
  if (line === "/transport") console.log(`transport: ${socket.io.engine.transport.name}`);
  else sendMessage(line);
});
input.on("close", () => socket.close());
socket.io.on("open", () => {
  socket.io.engine.once("upgrade", (transport) => console.log(`upgraded: ${transport.name}`));
});
