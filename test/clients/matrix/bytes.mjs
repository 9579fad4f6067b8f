// SPDX-License-Identifier: Apache-2.0

// JSON with binary in it: {"$bytes": "…base64…"}. For every runtime, so without Buffer.

export function encode(value) {
  if (value instanceof ArrayBuffer) return encode(new Uint8Array(value));
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return { $bytes: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")) };
  }
  return mapped(value, encode);
}

/** Binary becomes an ArrayBuffer, the one type that 2.x sends as such everywhere. */
export function decode(value) {
  if (typeof value?.$bytes === "string") return Uint8Array.from(atob(value.$bytes), (char) => char.charCodeAt(0)).buffer;
  return mapped(value, decode);
}

function mapped(value, change) {
  if (Array.isArray(value)) return value.map(change);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, change(item)]));
}
