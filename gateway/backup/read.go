// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// visitor is called with what a backup has, in its order.
type visitor struct {
	// stream is called with the description of a stream, and part with each part of its snapshot.
	stream func(name string, entry streamEntry) error
	part   func(data []byte) error
	// end is called when a stream is complete.
	end func() error
}

// Verify reads a whole backup and returns what it has, or why it is none: ErrDamaged.
func Verify(from io.Reader) (Summary, error) {
	var summary Summary
	var sum hash.Hash
	last := func() *Stream { return &summary.Streams[len(summary.Streams)-1] }
	summary, complete, err := walk(from, visitor{
		stream: func(name string, _ streamEntry) error {
			sum = sha256.New()
			summary.Streams = append(summary.Streams, Stream{Name: name})
			return nil
		},
		part: func(data []byte) error {
			sum.Write(data)
			last().Bytes += int64(len(data))
			return nil
		},
		end: func() error {
			last().SHA256 = hex.EncodeToString(sum.Sum(nil))
			return nil
		},
	}, &summary)
	if err != nil {
		return summary, err
	}
	for i := range complete {
		if i >= len(summary.Streams) {
			break
		}
		summary.Streams[i].Messages = complete[i].Messages
	}
	if !slices.Equal(summary.Streams, complete) || len(complete) == 0 {
		return summary, fmt.Errorf("what it has is not what it says that it has: %w", ErrDamaged)
	}
	if names := streamsOf(summary.Service); slices.ContainsFunc(complete, func(s Stream) bool { return !slices.Contains(names, s.Name) }) {
		return summary, fmt.Errorf("it has streams that are not of service %s: %w", summary.Service, ErrDamaged)
	}
	return summary, nil
}

// walk visits a backup. It returns what the last entry says.
func walk(from io.Reader, v visitor, into *Summary) (Summary, []Stream, error) {
	archive := tar.NewReader(from)
	var first head
	if err := readJSON(archive, headName, &first); err != nil {
		return *into, nil, err
	}
	if first.Format != Format {
		return *into, nil, fmt.Errorf("it has format %d, and this release reads %d", first.Format, Format)
	}
	into.Service, into.Time = first.Service, first.Time
	current := ""
	for {
		entry, err := archive.Next()
		if err != nil {
			return *into, nil, fmt.Errorf("%w: %w", ErrDamaged, noEOF(err))
		}
		data, err := content(archive, entry)
		if err != nil {
			return *into, nil, err
		}
		stream, part, _ := strings.Cut(entry.Name, "/")
		if part == streamName || entry.Name == completeName {
			if current != "" {
				if err := v.end(); err != nil {
					return *into, nil, err
				}
			}
		}
		switch {
		case entry.Name == completeName:
			var complete tail
			if err := json.Unmarshal(data, &complete); err != nil {
				return *into, nil, fmt.Errorf("%w: %s: %w", ErrDamaged, completeName, err)
			}
			return *into, complete.Streams, nil
		case part == streamName:
			current = stream
			var description streamEntry
			if err := json.Unmarshal(data, &description); err != nil {
				return *into, nil, fmt.Errorf("%w: %s: %w", ErrDamaged, entry.Name, err)
			}
			err = v.stream(stream, description)
		case stream == current && current != "":
			err = v.part(data)
		default:
			err = fmt.Errorf("%w: %s is not expected there", ErrDamaged, entry.Name)
		}
		if err != nil {
			return *into, nil, err
		}
	}
}

func readJSON(archive *tar.Reader, name string, into any) error {
	entry, err := archive.Next()
	if err != nil {
		return fmt.Errorf("it is no backup: %w: %w", ErrDamaged, noEOF(err))
	}
	if entry.Name != name {
		return fmt.Errorf("it is no backup, and begins with %q: %w", entry.Name, ErrDamaged)
	}
	data, err := content(archive, entry)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	return nil
}

func content(archive *tar.Reader, entry *tar.Header) ([]byte, error) {
	if entry.Size > partLimit {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, entry.Name, entry.Size)
	}
	data, err := io.ReadAll(archive)
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrDamaged, entry.Name, err)
	}
	return data, nil
}

// noEOF has an end that comes too early say so.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
