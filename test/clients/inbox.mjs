// SPDX-License-Identifier: Apache-2.0

import { setTimeout as after } from "node:timers/promises";

/** How long anything may take before a test gives up, in milliseconds. */
export const deadline = 10_000;

/** Resolves or rejects like the promise, or rejects when it takes too long, saying what was waited for. */
export async function within(promise, what, seen = () => "") {
  const timer = new AbortController();
  const late = after(deadline, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what}: not within ${deadline} ms\n${seen()}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/** Inbox keeps what came (events, lines, frames) until a test takes it, and lets tests wait for what has not come yet. */
export class Inbox {
  #items = [];
  #waiting = new Set();
  #name;

  constructor(name) {
    this.#name = name;
  }

  put(item) {
    for (const waiter of this.#waiting) {
      if (!waiter.fits(item)) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(item);
      return;
    }
    this.#items.push(item);
  }

  /** Takes the first item that fits, now or as soon as it comes. */
  async take(fits, what) {
    const i = this.#items.findIndex(fits);
    if (i >= 0) return this.#items.splice(i, 1)[0];
    const { promise, ...waiter } = withResolvers();
    this.#waiting.add({ fits, ...waiter });
    return within(promise, `${this.#name} waits for ${what}`, () => `it has ${JSON.stringify(this.#items)}`);
  }

  /** Takes the next item, whatever it is. */
  next(what = "something") {
    return this.take(() => true, what);
  }

  /** Looks at what came and was not taken. */
  get left() {
    return [...this.#items];
  }
}

export function withResolvers() {
  const deferred = {};
  deferred.promise = new Promise((resolve, reject) => Object.assign(deferred, { resolve, reject }));
  return deferred;
}
