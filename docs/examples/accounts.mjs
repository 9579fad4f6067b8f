import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const users = { "an-open-secret": "anna" };

createServer(async (request, response) => {
  const { token } = JSON.parse(await text(request));
  const user = Object.hasOwn(users, token) && users[token];
  const answer = user ? { user, claims: { role: "editor" }, ttl: 60 } : { refuse: { message: `who is ${[...token].slice(0, 3).join("")}…?` } };
  response.end(JSON.stringify(answer));
}).listen(process.env.PORT);
