// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// Options are the options of `realtime doctor`.
type Options struct {
	// URL of the service, such as https://chat.example.com. A path other than / is the path of
	// Engine.IO; without one it is /socket.io/.
	URL string
	// ConnectTo is the host and port to connect to in place of those of URL, such as
	// 203.0.113.7:443, while the name does not lead there yet; empty for those of URL. Without a
	// port it is URL's.
	ConnectTo string
	// Namespace is the namespace to connect to, and Auth the payload for it; nil for none. Whether
	// it lets the doctor in does not matter, but for being silent for longer than it keeps those
	// whom it does not know.
	Namespace string
	Auth      json.RawMessage
	// Origin is the origin of the page whose clients are to connect, such as
	// https://app.example.com; empty if it is that of the service.
	Origin string
	// Header is added to each request.
	Header http.Header
	// CAFile has certificates of authorities, as PEM, in place of the system's; empty for those.
	CAFile string
	// Insecure accepts any certificate.
	Insecure bool
	// Silence is for how long connections are to be silent but for the server's pings; 0 for one
	// ping.
	Silence time.Duration
	// Metrics are the /metrics of gateways, for what they think of clients' addresses. The doctor's
	// requests reach any gateway, so this should be all of them.
	Metrics []string
	// JSON reports in JSON.
	JSON bool
	// Out receives the report.
	Out io.Writer
}

const (
	// patience bounds the wait for an answer that should be immediate.
	patience = 10 * time.Second
	// prompt is what an answer may take that waits for nothing. Beyond it something holds it back.
	prompt = 2 * time.Second
)

// examination examines one thing.
type examination struct {
	// name is that of its findings.
	name string
	run  func(ctx context.Context, p *patient) []Finding
}

// examinations in the order in which they run. After the handshake has failed, there is nothing to
// examine but the certificate.
var examinations = []examination{
	{"certificate", examineCertificate},
	{"handshake", examineHandshake},
	{"sessions", withSession(examineSessions)},
	{"answers", withSession(examineAnswers)},
	{"websocket", examineWebSocket},
	{"upgrade", withSession(examineUpgrade)},
	{"webtransport", examineWebTransport},
	{"origin", examineOrigin},
	{"streams", examineStreams},
	{"payload", examinePayload},
	{"silence", examineSilence},
	{"address", examineAddress},
}

// withSession runs an examination with a session by polling.
func withSession(run func(ctx context.Context, s *session) []Finding) func(context.Context, *patient) []Finding {
	return func(ctx context.Context, p *patient) []Finding {
		s, err := p.begin(ctx, p.client)
		if err != nil {
			return []Finding{failed(nil, "another handshake: %v", err)}
		}
		defer s.end(ctx)
		return run(ctx, s)
	}
}

// Run examines a service and reports what it finds. It returns a *FailedError if something does
// not get through, and another error if the service cannot be examined, such as for a URL that is
// none.
func Run(ctx context.Context, o Options) error {
	p, err := newPatient(o)
	if err != nil {
		return err
	}
	defer p.close()
	r := newReporter(o.Out, o.JSON)
	p.problemsBefore = p.readProblems(ctx)
	for _, e := range examinations {
		if p.hopeless && e.name != "handshake" {
			continue
		}
		for _, f := range e.run(ctx, p) {
			f.Check = e.name
			r.report(f)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return r.finish(p.url.String())
}
