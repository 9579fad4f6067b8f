// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/realtime-operator/realtime-operator/gateway/eventlog"
	"github.com/realtime-operator/realtime-operator/gateway/revocation"
)

// chunkSize is how much NATS sends at once. It fits into max_payload of any NATS.
const chunkSize = 512 << 10

// stallTimeout bounds the wait for the next chunk.
const stallTimeout = time.Minute

// streamsOf returns the names of the streams of a service, "NAMESPACE/NAME".
func streamsOf(service string) []string {
	return []string{eventlog.StreamName(service), "KV_" + revocation.BucketName(service)}
}

// Write writes a backup of what NATS stores for a service. Gateways may store meanwhile: each
// stream is as it was at one moment. It fails if there is nothing.
func Write(ctx context.Context, nc *nats.Conn, service string, to io.Writer, now time.Time) (Summary, error) {
	summary := Summary{Service: service, Time: now.UTC()}
	archive := tar.NewWriter(to)
	if err := writeJSON(archive, headName, now, head{Format, service, summary.Time}); err != nil {
		return summary, err
	}
	for _, name := range streamsOf(service) {
		s := snapshot{nc: nc, name: name, archive: archive, now: now}
		err := s.write(ctx)
		if isNotFound(err) {
			continue
		}
		if err != nil {
			return summary, fmt.Errorf("back up stream %s: %w", name, err)
		}
		summary.Streams = append(summary.Streams, s.summary)
	}
	if len(summary.Streams) == 0 {
		return summary, fmt.Errorf("NATS stores nothing for service %s: %w", service, jetstream.ErrStreamNotFound)
	}
	if err := writeJSON(archive, completeName, now, tail{summary.Streams}); err != nil {
		return summary, err
	}
	if err := archive.Close(); err != nil {
		return summary, fmt.Errorf("write the backup: %w", err)
	}
	return summary, nil
}

// snapshot is one that NATS is asked for.
type snapshot struct {
	nc      *nats.Conn
	name    string
	archive *tar.Writer
	now     time.Time
	summary Stream
}

func (s *snapshot) write(ctx context.Context) error {
	incarnation, err := s.incarnation(ctx)
	if err != nil {
		return err
	}
	inbox := nats.NewInbox()
	// NATS has up to 8 MiB on the way that are not acknowledged.
	chunks, err := s.nc.SubscribeSync(inbox)
	if err != nil {
		return fmt.Errorf("listen for it: %w", err)
	}
	defer func() { _ = chunks.Unsubscribe() }() // the connection may be gone
	var answer struct {
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	request := map[string]any{"deliver_subject": inbox, "chunk_size": chunkSize, "jsck": true}
	if err := ask(ctx, s.nc, "$JS.API.STREAM.SNAPSHOT."+s.name, request, &answer); err != nil {
		return err
	}
	s.summary.Name = s.name
	var state struct {
		Messages uint64 `json:"messages"`
	}
	if err := json.Unmarshal(answer.State, &state); err != nil {
		return fmt.Errorf("read its state: %w", err)
	}
	s.summary.Messages = state.Messages
	entry := streamEntry{Config: answer.Config, State: answer.State, Incarnation: incarnation}
	if err := writeJSON(s.archive, s.name+"/"+streamName, s.now, entry); err != nil {
		return err
	}
	return s.copy(ctx, chunks)
}

// copy writes the chunks until NATS says that there are no more.
func (s *snapshot) copy(ctx context.Context, chunks *nats.Subscription) error {
	sum := sha256.New()
	for part := 1; ; part++ {
		bounded, cancel := context.WithTimeout(ctx, stallTimeout)
		msg, err := chunks.NextMsgWithContext(bounded)
		cancel()
		if err != nil {
			return fmt.Errorf("wait for part %d: %w", part, err)
		}
		if len(msg.Data) == 0 {
			s.summary.SHA256 = hex.EncodeToString(sum.Sum(nil))
			return ended(msg)
		}
		if err := writeEntry(s.archive, fmt.Sprintf(partName, s.name, part), s.now, msg.Data); err != nil {
			return err
		}
		sum.Write(msg.Data)
		s.summary.Bytes += int64(len(msg.Data))
		if msg.Reply == "" { // the last one
			continue
		}
		if err := msg.Respond(nil); err != nil {
			return fmt.Errorf("acknowledge part %d: %w", part, err)
		}
	}
}

// ended returns an error unless a snapshot has ended well.
func ended(last *nats.Msg) error {
	status, what := last.Header.Get("Status"), last.Header.Get("Description")
	if status == "" || status == "204" {
		return nil
	}
	return fmt.Errorf("NATS has given up: %s %s", status, what)
}

// streamEntry describes a stream as NATS does.
type streamEntry struct {
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
	// Incarnation is the name of the incarnation of the log; see eventlog.IncarnationOf.
	Incarnation string `json:"incarnation,omitempty"`
}

// incarnation asks for the stream's incarnation.
func (s *snapshot) incarnation(ctx context.Context) (string, error) {
	var info jetstream.StreamInfo
	if err := ask(ctx, s.nc, "$JS.API.STREAM.INFO."+s.name, struct{}{}, &info); err != nil {
		return "", err
	}
	return eventlog.IncarnationOf(info.Created, info.Config.Metadata), nil
}

func writeJSON(archive *tar.Writer, name string, now time.Time, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return writeEntry(archive, name, now, data)
}

func writeEntry(archive *tar.Writer, name string, now time.Time, data []byte) error {
	err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data)), ModTime: now.Truncate(time.Second)})
	if err == nil {
		_, err = archive.Write(data)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// ask sends a request to JetStream's API.
func ask(ctx context.Context, nc *nats.Conn, subject string, request, answer any) error {
	data, err := json.Marshal(request)
	if err != nil {
		return fmt.Errorf("encode a request: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, stallTimeout)
	defer cancel()
	msg, err := nc.RequestWithContext(ctx, subject, data)
	if err != nil {
		return fmt.Errorf("ask NATS: %w", err)
	}
	return decode(msg.Data, answer)
}

// decode reads an answer of the API, or returns its error.
func decode(data []byte, answer any) error {
	var failed struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &failed); err != nil {
		return fmt.Errorf("read NATS's answer: %w", err)
	}
	if failed.Error != nil {
		return failed.Error
	}
	if err := json.Unmarshal(data, answer); err != nil {
		return fmt.Errorf("read NATS's answer: %w", err)
	}
	return nil
}

// isNotFound reports whether NATS has no such stream.
func isNotFound(err error) bool {
	var refused *jetstream.APIError
	return errors.As(err, &refused) && refused.ErrorCode == jetstream.JSErrCodeStreamNotFound
}
