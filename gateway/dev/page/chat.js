// SPDX-License-Identifier: Apache-2.0

// The chat: who one is, what one says, and the connection. Events are those of the chat sample: join(name) and
// chatMessage(text) go out; systemMessage(text) and newMessage({username, message, timestamp}) come in.

import { addMessage, addNote, addSystemMessage, translateLog } from "./log.js";
import { switchLanguage, text, translatePage } from "./texts.js";

const element = (id) => document.getElementById(id);
const composer = element("composer");
const draft = element("text");

let name = sessionStorage.getItem("name") ?? "";
let state = "nameless";
let unread = 0;
/** What was sent and has not come back: it tells one's own messages from those of a namesake. */
let underway = [];

// A page without the client can still say what is wrong.
const socket = globalThis.io?.({ autoConnect: false });

function setState(next) {
  state = next;
  show();
}

function show() {
  element("state").dataset.state = state;
  element("state-text").textContent = text(state);
  element("reconnect").hidden = state !== "closed";
  element("name").textContent = name;
  element("rename").hidden = name === "";
  element("rename").title = text("rename");
  element("send").disabled = state !== "connected" || draft.value.trim() === "";
  document.title = (unread > 0 ? `(${unread}) ` : "") + text("title");
}

// The connection.

let wasConnected = false;

function connect() {
  if (!socket) return setState("noClient");
  setState("connecting");
  socket.connect();
}

function listen() {
  socket.on("connect", () => {
    // A new connection is a stranger to the service, so one joins again.
    socket.emit("join", name);
    if (wasConnected) addNote(() => text("back"));
    wasConnected = true;
    setState("connected");
  });
  socket.on("disconnect", () => {
    // Whether these arrived nobody knows; nothing is lost if they can be sent again.
    if (draft.value === "") setDraft(underway.join("\n"));
    underway = [];
    setState(socket.active ? "reconnecting" : "closed");
  });
  socket.on("connect_error", () => setState(socket.active ? "reconnecting" : "closed"));
  socket.on("systemMessage", addSystemMessage);
  socket.on("newMessage", (data) => {
    const sent = data.username === name ? underway.indexOf(data.message) : -1;
    if (sent >= 0) underway.splice(sent, 1);
    addMessage(data, sent >= 0);
    if (document.hidden) unread++;
    show();
  });
}

element("reconnect").addEventListener("click", connect);

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) unread = 0;
  show();
});

// What one says.

function setDraft(value) {
  draft.value = value;
  fitDraft();
}

function fitDraft() {
  draft.style.height = "auto";
  draft.style.height = `${draft.scrollHeight + draft.offsetHeight - draft.clientHeight}px`;
  show();
}

draft.addEventListener("input", fitDraft);

draft.addEventListener("keydown", (event) => {
  // Enter that ends the composition of a Chinese word sends nothing; Safari tells it by the key code alone.
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key !== "Enter" || event.shiftKey || composing) return;
  event.preventDefault();
  composer.requestSubmit();
});

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const message = draft.value.trim();
  // While the connection is gone the draft stays: sent before one has joined again, it would be ignored.
  if (message === "" || state !== "connected") return;
  underway.push(message);
  socket.emit("chatMessage", message);
  setDraft("");
  draft.focus();
});

// Who one is.

const welcome = element("welcome");
const nameField = element("name-field");

function askName() {
  nameField.value = name;
  welcome.showModal();
  nameField.select();
}

element("rename").addEventListener("click", askName);

// There is no chat without a name.
welcome.addEventListener("cancel", (event) => name === "" && event.preventDefault());
welcome.addEventListener("close", () => (name === "" ? askName() : draft.focus()));

element("welcome-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = nameField.value.trim();
  if (wanted === "") return nameField.select();
  const first = name === "";
  const changed = wanted !== name;
  name = wanted;
  sessionStorage.setItem("name", name);
  welcome.close();
  if (first) connect();
  else if (changed && socket?.connected) socket.emit("join", name);
  show();
});

// The language.

const languageButtons = document.querySelectorAll(".language");

function translate() {
  translatePage();
  translateLog();
  show();
  for (const button of languageButtons) {
    button.textContent = text("other");
    button.lang = text("otherTag");
  }
}

for (const button of languageButtons) {
  button.addEventListener("click", () => {
    switchLanguage();
    translate();
  });
}

translate();
if (socket) listen();
if (name === "") askName();
else {
  connect();
  draft.focus();
}
