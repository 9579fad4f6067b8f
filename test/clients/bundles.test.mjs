// SPDX-License-Identifier: Apache-2.0

// The bundles as the image has them: each with what hack/client/compress.mjs lays beside it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { clientDir, folder, startRealtime } from "./realtime.mjs";

const compress = fileURLToPath(new URL("../../hack/client/compress.mjs", import.meta.url));

test("every bundle is the same by brotli, by gzip and uncompressed", async (t) => {
  const clients = path.join(await folder(t), "client");
  await cp(clientDir, clients, { recursive: true });
  const names = (await readdir(clients)).filter((name) => /^socket\.io\..*js/.test(name));
  await promisify(execFile)(process.execPath, [compress, clients]);
  const { urls } = await startRealtime(t, { clients });

  assert.ok(names.includes("socket.io.min.js"));
  for (const name of names) {
    const want = await readFile(path.join(clientDir, name), "utf8");
    for (const coding of ["br", "gzip", "identity"]) {
      // fetch undoes the coding.
      const response = await fetch(`${urls[0]}/socket.io/${name}`, { headers: { "accept-encoding": coding } });
      assert.equal(response.headers.get("content-encoding") ?? "identity", coding, name);
      assert.ok((await response.text()) === want, `${name} by ${coding}`);
    }
  }
});
