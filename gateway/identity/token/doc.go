// SPDX-License-Identifier: Apache-2.0

// Package token verifies JSON Web Tokens (RFC 7519) in the compact form of RFC 7515. What is lax in
// the standards, or left to applications, is decided here (see RFC 8725):
//
//   - A token has at most identity.MaxToken bytes, three parts in base64url without padding or line
//     breaks, and a header and claims that are JSON objects in UTF-8, in which no name is there
//     twice, at any depth.
//   - "alg" must be one that the key may verify. "crit" is refused, since none of its extensions is
//     known. "typ", if present, must be JWT or at+jwt: an issuer signs other things, too, such as
//     logout tokens. "jku", "x5u", "jwk" and "x5c" are ignored: keys come from the configuration
//     alone.
//   - "iss" must be the issuer's, and "aud", a string or a list of strings, have one of the
//     audiences. A token of another issuer or for another audience is not recognized: no key is
//     looked for.
//   - "exp" is required. It, "nbf" and "iat" must be numbers of seconds in the years 1970 to 9999;
//     fractions are allowed. A time in milliseconds is therefore refused. "iat" must not be in the
//     future.
//   - "sub" and "jti" must be strings if they are there.
//
// The signature is verified before the times are looked at, so that a token is said to have expired
// only if it was valid.
//
// Reasons in errors are constants, so that neither a token nor a claim gets into a log.
package token
