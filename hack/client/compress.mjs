// SPDX-License-Identifier: Apache-2.0

// Lays a brotli-compressed copy beside each client bundle and source map of a directory, for gateways to serve:
// node hack/client/compress.mjs DIRECTORY
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

const directory = process.argv[2];
const compress = promisify(brotliCompress);
for (const name of await readdir(directory)) {
  if (!/\.(js|map)$/.test(name)) continue;
  const data = await readFile(join(directory, name));
  const compressed = await compress(data, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: data.length,
    },
  });
  await writeFile(join(directory, `${name}.br`), compressed);
}
