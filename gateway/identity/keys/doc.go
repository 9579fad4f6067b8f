// SPDX-License-Identifier: Apache-2.0

// Package keys holds the keys that verify signatures of tokens. A Set is what is known at one time:
// HMAC keys, or a JWK set (RFC 7517). A Source has the newest: Mounted from the files of a Secret,
// Remote from a URL.
//
// What a key may verify is decided when it is read, by its type and its own "alg", never by a
// token:
//
//   - RSA, 2048 to 8192 bits: RS256, RS384, RS512, PS256, PS384, PS512
//   - EC: ES256 for P-256, ES384 for P-384, ES512 for P-521
//   - OKP with Ed25519: EdDSA, which RFC 9864 also calls Ed25519
//   - HMAC keys: HS256 from 32 bytes on, HS384 from 48, HS512 from 64 (RFC 7518, section 3.2)
//
// Keys of a set are read one by one. One that cannot be used is skipped, with a reason: of an
// unknown type or curve, too small, with a "use" other than "sig", with "key_ops" without "verify",
// or with an "alg" that does not fit its type. In a set that anybody can fetch, HMAC keys and
// private keys are skipped, too.
//
// A Remote is a goroutine that fetches, one request at a time, whatever the number of tokens that
// wait for it:
//
//	           fetched                  refresh is due, or an unknown key is asked for
//	starting ───────────▶ current ◀───────────────────────────────────────────▶ fetching
//	    │                                                                           │ failed
//	    └───────────────▶ failing: tries again after 1 s, 2 s, … 1 min ◀────────────┘
//	        failed
//
// While it fails, the last keys remain in force, however old. Without any, nothing can be verified.
package keys
