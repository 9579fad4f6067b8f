// SPDX-License-Identifier: Apache-2.0

package revocation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxAttempts bounds how often a change of a key is tried, while others change it, too;
	// attemptPause is between two.
	maxAttempts  = 10
	attemptPause = 20 * time.Millisecond
)

var errChanging = errors.New("others keep changing it")

// add has a key revoke what it revokes already and what it is asked to. It writes also what is
// there, since each revocation lasts from the last time that it was asked for.
func add(asked value) func(*value) (*value, error) {
	return func(stored *value) (*value, error) {
		v := asked
		if stored != nil {
			v = stored.and(asked)
		}
		return &v, nil
	}
}

// lift takes exactly what was asked for from a key. Where nothing is revoked there is nothing to
// do.
func lift(asked value) func(*value) (*value, error) {
	return func(stored *value) (*value, error) {
		if stored == nil {
			return nil, nil
		}
		left, ok := stored.without(asked)
		if !ok {
			return nil, refuse(http.StatusConflict, "nothing is lifted, since something else is revoked: %v", stored)
		}
		return left, nil
	}
}

// change replaces what a key revokes by what f makes of it; nil is nothing. f may be called again,
// with what another gateway has written meanwhile.
func change(ctx context.Context, bucket jetstream.KeyValue, key string, f func(*value) (*value, error)) error {
	for range maxAttempts {
		stored, revision, err := read(ctx, bucket, key)
		if err != nil {
			return err
		}
		wanted, err := f(stored)
		if err != nil {
			return err
		}
		if err = write(ctx, bucket, key, wanted, revision); !changedMeanwhile(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(attemptPause):
		}
	}
	return errChanging
}

// read returns what a key revokes, and its revision: 0 if there is none. A value of a form that
// gateways do not understand revokes nothing.
func read(ctx context.Context, bucket jetstream.KeyValue, key string) (*value, uint64, error) {
	entry, err := bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read the revocation: %w", err)
	}
	if v, ok := readValue(entry.Value()); ok {
		return &v, entry.Revision(), nil
	}
	return nil, entry.Revision(), nil
}

// write stores a value unless the key has another revision by now.
func write(ctx context.Context, bucket jetstream.KeyValue, key string, v *value, revision uint64) (err error) {
	switch {
	case v == nil && revision == 0:
		// A replica may have answered that is behind, and gateways may know what NATS has lost:
		// only a write finds out, and tells them. Until the key is deleted its value is one that
		// they ignore.
		revision, err = bucket.Create(ctx, key, []byte("[]"))
		if err != nil {
			return fmt.Errorf("see that nothing is revoked: %w", err)
		}
		fallthrough
	case v == nil:
		err = bucket.Delete(ctx, key, jetstream.LastRevision(revision))
	case revision == 0:
		_, err = bucket.Create(ctx, key, v.encode())
	default:
		_, err = bucket.Update(ctx, key, v.encode(), revision)
	}
	if err != nil {
		return fmt.Errorf("store the revocation: %w", err)
	}
	return nil
}

// changedMeanwhile reports whether nothing was written since the key has another revision.
// JetStream has a code of its own for streams of several replicas.
func changedMeanwhile(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && (refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
		refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}
