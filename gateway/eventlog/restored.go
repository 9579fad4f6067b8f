// SPDX-License-Identifier: Apache-2.0

package eventlog

import (
	"maps"
	"strconv"
	"strings"
	"time"
)

// restoredKey is the key in the metadata of a stream that was restored from a backup. Its value has
// the name of the incarnation that was backed up, the last sequence of the backup, and the name of
// the present incarnation, separated by dots. Gateways of earlier releases remove it; then the
// stream has the name that its creation gives it.
//
// What was stored after the backup is lost, and its sequences are used again. So a restored log is
// another incarnation, in which offsets of the former one are valid up to the end of the backup.
const restoredKey = "realtime-operator.io/restored"

// restored is what a stream's metadata say of a backup; empty if there was none.
type restored struct {
	from, name string
	last       uint64
}

func parseRestored(value string) restored {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return restored{}
	}
	last, err := strconv.ParseUint(parts[1], incarnationBase, 64)
	if err != nil {
		return restored{}
	}
	return restored{from: parts[0], name: parts[2], last: last}
}

// IncarnationOf returns a name that distinguishes a stream from another one of the same name, and
// from itself before it was restored.
func IncarnationOf(created time.Time, metadata map[string]string) string {
	if r := parseRestored(metadata[restoredKey]); r.name != "" {
		return r.name
	}
	return strconv.FormatInt(created.UnixMilli(), incarnationBase)
}

// Restored returns the metadata of a stream that is restored now from a backup of an incarnation
// with a last sequence.
func Restored(metadata map[string]string, incarnation string, last uint64, now time.Time) map[string]string {
	metadata = maps.Clone(metadata)
	if metadata == nil {
		metadata = map[string]string{}
	}
	metadata[restoredKey] = strings.Join([]string{
		incarnation, strconv.FormatUint(last, incarnationBase), strconv.FormatInt(now.UnixMilli(), incarnationBase),
	}, ".")
	return metadata
}

func (l *Log) setRestored(metadata map[string]string) {
	l.delivering.Lock()
	defer l.delivering.Unlock()
	l.restored = parseRestored(metadata[restoredKey])
}
