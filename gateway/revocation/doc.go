// SPDX-License-Identifier: Apache-2.0

// Package revocation knows tokens that are not valid any more, though they have not expired: those
// of a user, one by its id, and all that were issued before a time. Programs revoke them at any
// gateway. They are in a key-value bucket of JetStream, which every gateway watches and has in
// memory: judging a client waits for nobody.
//
// A bucket's keys say what is revoked, with what clients and programs have chosen encoded
// (wire.Token), of one entry of spec.authentication or of all (an empty name):
//
//	user.<entry>.<user>    tokens of a user
//	id.<entry>.<id>        the token with an id (the claim jti)
//	issued.<entry>         all tokens
//
// A value is a JSON object: {"before": 1764460800000} revokes what was issued before that time, in
// milliseconds since 1970, and {} everything, which is a ban. {"rest": 1764460800000} is a ban that
// leaves that time when it is lifted. Readers ignore members that they do not know, and keys and
// values of another form. A key is only written if it is as it was read, and never revokes less
// than before, but for a lift of exactly what it has. JetStream removes what is older than
// spec.revocation.keep.
package revocation
