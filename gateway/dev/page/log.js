// SPDX-License-Identifier: Apache-2.0

// The conversation: a list that stays at its end while the reader is there, and is left alone while they read above.

import { formatTime, text, translateSystemMessage } from "./texts.js";

const atMost = 1000; // entries that are kept
const slack = 24; // pixels above the end that still count as the end

const log = document.getElementById("log");
const list = document.getElementById("entries");
const empty = document.getElementById("empty");
const newest = document.getElementById("newest");

/** What is shown: each with its element and a function that writes what depends on the language. */
const entries = [];

let follows = true;

function toEnd() {
  follows = true;
  newest.hidden = true;
  log.scrollTop = log.scrollHeight;
}

log.addEventListener("scroll", () => {
  follows = log.scrollHeight - log.scrollTop - log.clientHeight <= slack;
  if (follows) newest.hidden = true;
}, { passive: true });

newest.addEventListener("click", () => {
  toEnd();
  log.focus();
});

// The keyboard of a phone, or a longer draft, takes from the height.
new ResizeObserver(() => follows && toEnd()).observe(log);

function make(tag, className, content = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = content;
  return element;
}

function add(entry) {
  entry.translate();
  entries.push(entry);
  list.append(entry.element);
  if (entries.length > atMost) entries.shift().element.remove();
  if (follows || entry.own) toEnd();
  else newest.hidden = false;
}

/** Adds a message. Those that follow one of the same person show no name again. */
export function addMessage({ username, message, timestamp }, own) {
  empty.hidden = true;
  const last = entries.at(-1);
  const element = make("li", own ? "message own" : "message");
  element.classList.toggle("follows", last?.username === username && last.own === own);
  element.style.setProperty("--hue", hueOf(username));
  const sender = make("bdi", "sender");
  const time = make("time", "time");
  const said = make("span", "said", String(message));
  said.dir = "auto";
  element.append(sender, said, time);
  add({
    element,
    own,
    username,
    translate() {
      sender.textContent = own ? text("you") : String(username);
      const { short, long, iso } = formatTime(timestamp);
      time.textContent = short;
      time.title = long;
      if (iso) time.dateTime = iso;
    },
  });
}

/** Adds what the server says: joins, leaves, and whatever else a manifest makes of it. */
export function addSystemMessage(message) {
  addNote(() => translateSystemMessage(String(message)));
}

/** Adds a line of the page's own, such as about the connection. */
export function addNote(words) {
  const element = make("li", "note");
  element.dir = "auto";
  add({ element, translate: () => (element.textContent = words()) });
}

export function translateLog() {
  entries.forEach((entry) => entry.translate());
}

/** A colour for a person, the same for everybody. */
function hueOf(name) {
  let hash = 0;
  for (const character of String(name)) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}
