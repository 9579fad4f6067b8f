// SPDX-License-Identifier: Apache-2.0

const stacks = new WeakMap();

/**
 * Ends with the test what the test has started, the last first: node:test runs its own hooks in the order of their
 * registration, so that a server would go before its clients, and they would complain.
 */
export function atEnd(t, end) {
  if (!stacks.has(t)) {
    const stack = [];
    stacks.set(t, stack);
    t.after(async () => {
      const errors = [];
      for (const end of stack.reverse()) {
        try {
          await end();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw errors[0];
    });
  }
  stacks.get(t).push(end);
}
