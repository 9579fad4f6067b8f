// SPDX-License-Identifier: Apache-2.0

package cluster

// fields reads numbered fields until the data ends: for each a number and the value's length, as
// uvarints, and the value. Gateways of two releases meet in every rollout. One ignores the fields that
// it does not know, so that later releases can add some; a number is never given to something else.
func (r *reader) fields(take func(number uint64, value []byte)) error {
	for len(r.rest) > 0 {
		number, value := r.uvarint(), r.bytes()
		if r.err != nil {
			return r.err
		}
		take(number, value)
	}
	return nil
}
