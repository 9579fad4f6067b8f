// SPDX-License-Identifier: Apache-2.0

// The chat page of `realtime dev` in headless Chromium. UPDATE_SCREENSHOT=1 writes docs/images/chat.png.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { connect } from "./client.mjs";
import { atEnd } from "./ending.mjs";
import { deadline } from "./inbox.mjs";
import { startRealtime } from "./realtime.mjs";

const screenshot = fileURLToPath(new URL("../../docs/images/chat.png", import.meta.url));

let browser;
before(async () => {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
});
after(() => browser.close());

/** A tab of a person's own: a fresh session, and every complaint of the browser fails the test. */
async function openTab(t, url, options = {}) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 900, height: 640 }, ...options });
  context.setDefaultTimeout(deadline);
  const complaints = [];
  atEnd(t, async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    const expected = options.mayLoseConnection && /ERR_CONNECTION|WebSocket connection/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !expected) complaints.push(message.text());
  });
  // The client comes from the gateway; nothing may go elsewhere.
  await context.route((target) => target.host !== new URL(url).host, (route) => {
    complaints.push(`the page asks for ${route.request().url()}`);
    return route.abort();
  });
  await page.goto(url);
  return page;
}

async function enter(page, name) {
  await page.locator("#name-field").fill(name);
  await page.locator("#name-field").press("Enter");
  await page.locator("#state[data-state=connected]").waitFor();
  await note(page, name).waitFor();
}

async function say(page, text) {
  await page.locator("#text").fill(text);
  await page.locator("#text").press("Enter");
}

const message = (page, text) => page.locator(".message", { has: page.locator(".said", { hasText: text }) });
const note = (page, text) => page.locator(".note", { hasText: text });
const sideways = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

test("two people chat, each in their language", async (t) => {
  const { urls } = await startRealtime(t, { gateways: 2 });
  const ada = await openTab(t, urls[0]);
  const lin = await openTab(t, urls[1], { locale: "zh-CN" });
  assert.equal(await ada.locator("h1").innerText(), "Chat");
  assert.equal(await lin.locator("h1").innerText(), "聊天室");

  await enter(ada, "Ada");
  assert.equal(await ada.locator("#state").innerText(), "Connected");
  await enter(lin, "小林");
  assert.equal(await lin.locator("#state").innerText(), "已连接");
  await note(ada, "小林 joined the chat").waitFor();
  await note(lin, "小林 加入了聊天室").waitFor();

  assert.ok(await ada.locator("#empty").isVisible());

  await say(ada, "<b>hello</b> & 你好");
  for (const page of [ada, lin]) await message(page, "<b>hello</b> & 你好").waitFor();
  assert.equal(await message(ada, "hello").getAttribute("class"), "message own");
  assert.equal(await message(lin, "hello").locator(".sender").innerText(), "Ada");
  assert.match(await message(lin, "hello").locator(".time").innerText(), /^\d{1,2}:\d\d$/);
  assert.equal(await ada.locator("#text").inputValue(), "");
  assert.ok(await ada.locator("#empty").isHidden());

  await say(lin, "第一句");
  await say(lin, "第二句");
  await message(ada, "第二句").waitFor();
  assert.equal(await message(ada, "第二句").getAttribute("class"), "message follows");

  await ada.locator("header .language").click();
  assert.equal(await ada.locator("html").getAttribute("lang"), "zh-CN");
  await note(ada, "小林 加入了聊天室").waitFor();
  await ada.locator("header .language").click();

  await lin.close();
  await note(ada, "小林 left the chat").waitFor();
});

test("a namesake's messages are not taken for one's own", async (t) => {
  const { urls } = await startRealtime(t);
  const ada = await openTab(t, urls[0]);
  const other = await openTab(t, urls[0]);
  await enter(ada, "Ada");
  await enter(other, "Ada");
  await say(other, "who am I?");
  await message(ada, "who am I?").waitFor();
  assert.equal(await message(ada, "who am I?").getAttribute("class"), "message");
  assert.equal(await message(other, "who am I?").getAttribute("class"), "message own");
});

test("Enter that ends a composition sends nothing, Shift+Enter makes a line", async (t) => {
  const { urls } = await startRealtime(t);
  const page = await openTab(t, urls[0], { locale: "zh-CN" });
  await enter(page, "小林");
  const devtools = await page.context().newCDPSession(page);

  await page.locator("#text").focus();
  await devtools.send("Input.imeSetComposition", { text: "ni", selectionStart: 2, selectionEnd: 2 });
  const sent = await page.evaluate(() => {
    const field = document.getElementById("text");
    const enter = new KeyboardEvent("keydown", { key: "Enter", isComposing: true, cancelable: true, bubbles: true });
    return { prevented: !field.dispatchEvent(enter), value: field.value };
  });
  assert.deepEqual(sent, { prevented: false, value: "ni" });
  await devtools.send("Input.insertText", { text: "你" });
  await page.locator("#text").press("Shift+Enter");
  await page.locator("#text").pressSequentially("好");
  await page.locator("#text").press("Enter");
  await message(page, "你").waitFor();
  assert.equal(await message(page, "你").locator(".said").innerText(), "你\n好");
  assert.equal(await page.locator(".message").count(), 1);
});

test("the name is asked for, kept for the tab, and can be changed", async (t) => {
  const { urls } = await startRealtime(t);
  const page = await openTab(t, urls[0]);
  const dialog = page.locator("#welcome");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  assert.ok(await dialog.isVisible());
  await page.locator("#name-field").fill("   ");
  await page.locator("#name-field").press("Enter");
  assert.ok(await dialog.isVisible());
  await enter(page, "  Ada ");
  assert.equal(await page.locator("#name").innerText(), "Ada");

  await page.reload();
  await note(page, "Ada joined the chat").waitFor();
  assert.ok(await dialog.isHidden());

  await page.locator("#rename").click();
  await page.locator("#name-field").fill("Countess");
  await page.locator("#name-field").press("Enter");
  await note(page, "Countess joined the chat").waitFor();
  await say(page, "it is me");
  assert.equal(await message(page, "it is me").getAttribute("class"), "message own");
});

test("after the gateway was away the page joins again by itself", async (t) => {
  const first = await startRealtime(t);
  const page = await openTab(t, first.urls[0], { mayLoseConnection: true });
  await enter(page, "Ada");
  await first.stop();
  await page.locator("#state[data-state=reconnecting]").waitFor();
  await page.locator("#text").fill("written meanwhile");
  await page.locator("#text").press("Enter");
  assert.ok(await page.locator("#send").isDisabled());

  const second = await startRealtime(t, { port: first.ports[0] });
  const bob = await connect(t, second.urls[0]);
  assert.deepEqual(await bob.next("systemMessage"), ["Ada 加入了聊天室"]);
  await note(page, "Connected again").waitFor();
  assert.equal(await page.locator("#text").inputValue(), "written meanwhile");
  await page.locator("#send").click();
  const [{ username, message: text }] = await bob.next("newMessage");
  assert.deepEqual([username, text], ["Ada", "written meanwhile"]);
});

test("who reads above is not pulled to the end", async (t) => {
  const { urls } = await startRealtime(t);
  const page = await openTab(t, urls[0]);
  await enter(page, "Ada");
  const bob = await connect(t, urls[0]);
  bob.emit("join", "Bob");
  for (let i = 1; i <= 40; i++) bob.emit("chatMessage", `line ${i}.`);
  await message(page, "line 40.").waitFor();
  const fromEnd = () => page.locator("#log").evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight);
  assert.ok((await fromEnd()) < 2, "it follows");

  await page.locator("#log").evaluate((log) => {
    const scrolled = new Promise((resolve) => log.addEventListener("scroll", resolve, { once: true }));
    log.scrollTop = 0;
    return scrolled;
  });
  bob.emit("chatMessage", "unseen");
  await page.locator("#newest").waitFor();
  assert.equal(await page.locator("#log").evaluate((log) => log.scrollTop), 0);
  await page.locator("#newest").click();
  await page.locator("#newest").waitFor({ state: "hidden" });
  assert.ok((await fromEnd()) < 2, "it follows again");
});

for (const colorScheme of ["light", "dark"]) {
  test(`a phone shows it all without scrolling sideways, ${colorScheme}`, async (t) => {
    const { urls } = await startRealtime(t);
    const page = await openTab(t, urls[0], {
      colorScheme, viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true, locale: "zh-CN",
    });
    assert.equal(await sideways(page), 0);
    await enter(page, "一个名字特别特别特别特别特别长的人 Wolfeschlegelstein");
    await say(page, "x".repeat(300));
    await say(page, "https://example.com/" + "path/".repeat(40));
    await message(page, "https").waitFor();
    assert.equal(await sideways(page), 0);
    for (const id of ["header .language", "#rename", "#text", "#send"]) {
      const box = await page.locator(id).boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= 360 && box.y + box.height <= 640, `${id} is at ${JSON.stringify(box)}`);
      assert.ok(box.height >= 40, `${id} is too low for a thumb`);
    }
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
    assert.equal(ground.every((part) => part < 64), colorScheme === "dark");
  });
}

test("a page without the client says so", async (t) => {
  const { urls } = await startRealtime(t);
  const context = await browser.newContext({ locale: "en-GB" });
  atEnd(t, () => context.close());
  context.setDefaultTimeout(deadline);
  await context.route("**/socket.io.min.js", (route) => route.abort());
  const page = await context.newPage();
  await page.goto(urls[0]);
  await page.locator("#name-field").fill("Ada");
  await page.locator("#name-field").press("Enter");
  await page.locator("#state", { hasText: "could not be loaded" }).waitFor();
});

test("the picture in the documentation", { skip: process.env.UPDATE_SCREENSHOT !== "1" }, async (t) => {
  const { urls } = await startRealtime(t, { gateways: 2 });
  const ada = await openTab(t, urls[0], { viewport: { width: 880, height: 560 }, deviceScaleFactor: 2 });
  await enter(ada, "Ada");
  const lin = await connect(t, urls[1]);
  lin.emit("join", "小林");
  await note(ada, "小林").waitFor();
  const lines = [
    ["小林", "大家好！刚用一个 YAML 文件就搭起了这个聊天室"],
    ["Ada", "Hello! No server code at all?"],
    ["小林", "没有。两个网关，消息由 NATS 转发。"],
    ["小林", "改一下 manifest，连接也不会断。"],
    ["Ada", "Then let me change the greeting and see."],
  ];
  for (const [who, line] of lines) {
    if (who === "Ada") await say(ada, line);
    else lin.emit("chatMessage", line);
    await message(ada, line).waitFor();
  }
  await ada.screenshot({ path: screenshot });
});
