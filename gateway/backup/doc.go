// SPDX-License-Identifier: Apache-2.0

// Package backup writes what JetStream stores for a service (events, sessions and revocations) to a
// file, and brings it back into an empty NATS, with the snapshots that NATS makes itself.
//
// A backup is a tar archive. It is written and read in one pass, so that it can come from a pipe
// and go into one:
//
//	backup.json            the format, the service and the time
//	STREAM/stream.json     the configuration and state of a stream
//	STREAM/00000001, …     its snapshot, in parts
//	complete.json          length and SHA-256 of each snapshot; a backup without it is cut short
package backup

import (
	"errors"
	"time"
)

// Format is the version of the archive. One that is unknown is refused.
const Format = 1

const (
	headName     = "backup.json"
	streamName   = "stream.json"
	completeName = "complete.json"
	partName     = "%s/%08d"
	// partLimit bounds a part, and an entry with JSON.
	partLimit = 1 << 20
)

// ErrDamaged is returned for an archive that is no complete backup.
var ErrDamaged = errors.New("the backup is damaged or cut short")

// ErrNotEmpty is returned if NATS stores something for the service already.
var ErrNotEmpty = errors.New("NATS is not empty")

// ErrInUse is returned if gateways are running: they would create the streams again while these are
// restored, and tell clients that come back meanwhile that their sessions are gone.
var ErrInUse = errors.New("gateways are connected")

// head is the first entry.
type head struct {
	Format  int       `json:"format"`
	Service string    `json:"service"`
	Time    time.Time `json:"time"`
}

// tail is the last entry.
type tail struct {
	Streams []Stream `json:"streams"`
}

// Stream is a stream in a backup.
type Stream struct {
	Name string `json:"name"`
	// Messages is how many it has, and Bytes the length of its snapshot.
	Messages uint64 `json:"messages"`
	Bytes    int64  `json:"bytes"`
	// SHA256 of the snapshot, in hexadecimal.
	SHA256 string `json:"sha256"`
}

// Summary is what a backup has.
type Summary struct {
	Service string
	Time    time.Time
	Streams []Stream
}
