// SPDX-License-Identifier: Apache-2.0

// The page's words in the languages that it knows, and which of them the reader wants.

const texts = {
  en: {
    title: "Chat",
    log: "Conversation",
    empty: "Nobody has said anything yet. Open this page in a second window and talk to yourself.",
    message: "Message",
    send: "Send",
    newest: "New messages ↓",
    welcome: "What shall we call you?",
    name: "Your name",
    enter: "Enter the chat",
    rename: "Change your name",
    nameless: "Not connected yet",
    connecting: "Connecting…",
    connected: "Connected",
    reconnecting: "Connection lost. Trying again…",
    closed: "The server closed the connection",
    noClient: "The Socket.IO client could not be loaded",
    reconnect: "Connect again",
    back: "Connected again. What was said meanwhile is not shown.",
    joined: "joined the chat",
    left: "left the chat",
    you: "You",
    tag: "en",
    other: "中文",
    otherTag: "zh-CN",
  },
  zh: {
    title: "聊天室",
    log: "聊天记录",
    empty: "还没有人说话。再开一个窗口，和自己聊两句吧。",
    message: "消息",
    send: "发送",
    newest: "有新消息 ↓",
    welcome: "怎么称呼您？",
    name: "您的名字",
    enter: "进入聊天室",
    rename: "改名",
    nameless: "尚未连接",
    connecting: "正在连接…",
    connected: "已连接",
    reconnecting: "连接已断开，正在重连…",
    closed: "服务器关闭了连接",
    noClient: "无法加载 Socket.IO 客户端",
    reconnect: "重新连接",
    back: "已重新连接。断线期间的消息不会显示。",
    joined: "加入了聊天室",
    left: "离开了聊天室",
    you: "我",
    tag: "zh-CN",
    other: "English",
    otherTag: "en",
  },
};

const chosenBefore = sessionStorage.getItem("language");
const wanted = navigator.languages.map((tag) => tag.split("-")[0]).find((tag) => Object.hasOwn(texts, tag));

/** The language in use: "en" or "zh". */
export let language = Object.hasOwn(texts, chosenBefore ?? "") ? chosenBefore : (wanted ?? "en");

export const text = (key) => texts[language][key];

export function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  sessionStorage.setItem("language", language);
}

/** Puts the words into the elements that ask for them by data-text, data-label and data-placeholder. */
export function translatePage() {
  document.documentElement.lang = text("tag");
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = text(element.dataset.label);
  for (const element of document.querySelectorAll("[data-placeholder]")) element.placeholder = text(element.dataset.placeholder);
}

/** What the chat sample says of joins and leaves, in the reader's language; anything else as it came. */
export function translateSystemMessage(message) {
  for (const key of ["joined", "left"]) {
    for (const { [key]: phrase } of Object.values(texts)) {
      if (message.endsWith(" " + phrase)) return message.slice(0, -phrase.length) + text(key);
    }
  }
  return message;
}

/** The time of day of a timestamp, and the whole of it; one that is no date stays as it came. */
export function formatTime(timestamp) {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return { short: String(timestamp), long: "" };
  const locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
  return {
    short: date.toLocaleTimeString(locale, { hour: "numeric", minute: "2-digit" }),
    long: date.toLocaleString(locale, { dateStyle: "full", timeStyle: "medium" }),
    iso: date.toISOString(),
  };
}
