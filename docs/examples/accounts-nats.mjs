import { connect } from "@nats-io/transport-node";

const users = { "an-open-secret": "anna" };
const nats = await connect({ servers: process.env.NATS_URL });

for await (const question of nats.subscribe("accounts.who", { queue: "accounts" })) {
  const { token } = question.json();
  const user = Object.hasOwn(users, token) && users[token];
  question.respond(JSON.stringify(user ? { user } : { refuse: { code: "token_invalid" } }));
}
