// SPDX-License-Identifier: Apache-2.0

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/realtime-operator/realtime-operator/gateway/cluster"
	"github.com/realtime-operator/realtime-operator/gateway/service"
	"github.com/realtime-operator/realtime-operator/gateway/socketio"
)

// publishAnswer is what a program gets, over HTTP and over NATS.
type publishAnswer struct {
	OK    bool   `json:"ok,omitempty"`
	Error string `json:"error,omitempty"`
}

func (a publishAnswer) encode() []byte {
	data, err := json.Marshal(a)
	if err != nil { // a bool and a string
		panic(err)
	}
	return data
}

// errNATSAway refuses to emit to the clients of this gateway alone.
var errNATSAway = errors.New("this gateway has lost NATS, and cannot reach the clients of others: try again")

// publish emits a document, and calls done once with the answer to it and its HTTP status: at once, or when it is known whether
// the event is stored, or after storeTimeout. Done must not block.
func (g *Gateway) publish(via string, data []byte, namespace string, done func(int, publishAnswer)) {
	counted := func(status int, answer publishAnswer) {
		g.published.WithLabelValues(via, strconv.Itoa(status)).Inc()
		done(status, answer)
	}
	receipt := new(socketio.Receipt)
	status, answer := g.emit(data, namespace, receipt)
	if status != http.StatusOK || receipt.Expected() == 0 {
		counted(status, answer)
		return
	}
	var once sync.Once
	late := time.AfterFunc(storeTimeout, func() { once.Do(func() { counted(notYetStored()) }) })
	receipt.Notify(func(err error) {
		late.Stop()
		once.Do(func() { counted(stored(err)) })
	})
}

func (g *Gateway) emit(data []byte, namespace string, receipt *socketio.Receipt) (int, publishAnswer) {
	if !g.cluster.Connected() && !g.cluster.Stores() {
		return http.StatusServiceUnavailable, publishAnswer{Error: errNATSAway.Error()}
	}
	err := g.runtime.Publish(data, namespace, receipt)
	switch {
	case err == nil && receipt.Expected() > 0:
		return http.StatusOK, publishAnswer{OK: true} // if it gets stored
	case err == nil && !g.cluster.Connected(): // a volatile one
		return http.StatusServiceUnavailable, publishAnswer{Error: errNATSAway.Error()}
	case err == nil:
		return http.StatusOK, publishAnswer{OK: true}
	}
	status := http.StatusInternalServerError
	var refusal *service.PublishError
	if errors.As(err, &refusal) {
		status = refusal.Status
	}
	return failed(status, err)
}

// failed is the answer for what is not emitted: what is too large now is too large later.
func failed(status int, err error) (int, publishAnswer) {
	if cluster.IsTooLarge(err) {
		status = http.StatusRequestEntityTooLarge
	}
	return status, publishAnswer{Error: err.Error()}
}

// storeTimeout bounds how long a program waits until what it has published is stored, where it is to be.
const storeTimeout = 5 * time.Second

// stored is the answer for an event that is stored before it is delivered, when it is or never will be.
func stored(err error) (int, publishAnswer) {
	if err != nil {
		return failed(http.StatusServiceUnavailable, err)
	}
	return http.StatusOK, publishAnswer{OK: true}
}

func notYetStored() (int, publishAnswer) {
	return http.StatusServiceUnavailable, publishAnswer{
		Error: fmt.Sprintf("the event is not stored yet, after %v, and it is not certain that it will be", storeTimeout),
	}
}

// API serves programs that publish, on a port of its own that clients do not reach:
//
//	POST /v1/namespaces/{namespace}/emit    emits a document; see docs/how-to/publish.md
//
// Each request must bear a token of SetAPITokens.
func (g *Gateway) API() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.draining.Load() {
			w.Header().Set("Connection", "close") // the next request goes to a gateway that stays
		}
		if !g.tokens.allow(r.Header.Get("Authorization")) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeAnswer(w, http.StatusUnauthorized, publishAnswer{Error: "the header Authorization must be Bearer and a token of the service's"})
			return
		}
		namespace, ok := namespaceOf(r.URL)
		switch {
		case !ok:
			writeAnswer(w, http.StatusNotFound, publishAnswer{
				Error: fmt.Sprintf("%.128s is nothing here; POST /v1/namespaces/%%2F/emit is, for the namespace /", r.URL.EscapedPath()),
			})
		case r.Method != http.MethodPost:
			w.Header().Set("Allow", http.MethodPost)
			writeAnswer(w, http.StatusMethodNotAllowed, publishAnswer{Error: "the method must be POST"})
		default:
			g.serveEmit(w, r, namespace)
		}
	})
}

// namespaceOf is the one that a path names, URL-encoded. A ServeMux would take %2F, which is the name of one, for the end of the path.
func namespaceOf(u *url.URL) (string, bool) {
	encoded, found := strings.CutPrefix(u.EscapedPath(), "/v1/namespaces/")
	encoded, emits := strings.CutSuffix(encoded, "/emit")
	if !found || !emits || strings.Contains(encoded, "/") {
		return "", false
	}
	namespace, err := url.PathUnescape(encoded)
	return namespace, err == nil && namespace != ""
}

func (g *Gateway) serveEmit(w http.ResponseWriter, r *http.Request, namespace string) {
	body := io.Reader(r.Body)
	if most := g.runtime.MaxPayload(); most > 0 {
		body = http.MaxBytesReader(w, r.Body, most)
	}
	data, err := io.ReadAll(body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		g.published.WithLabelValues(viaHTTP, strconv.Itoa(http.StatusRequestEntityTooLarge)).Inc()
		writeAnswer(w, http.StatusRequestEntityTooLarge, publishAnswer{
			Error: fmt.Sprintf("the document has more than protocol.maxPayload, %d bytes", large.Limit),
		})
		return
	}
	if err != nil {
		return // the program has gone
	}
	write := make(chan func(), 1) // for this goroutine: the program may be slow to read
	g.publish(viaHTTP, data, namespace, func(status int, answer publishAnswer) {
		write <- func() { writeAnswer(w, status, answer) }
	})
	(<-write)()
}

func writeAnswer(w http.ResponseWriter, status int, answer publishAnswer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(answer.encode(), '\n'))
}

// SetAPITokens makes the tokens of a file, one a line, those that open the API. It returns how many there are.
func (g *Gateway) SetAPITokens(file []byte) int { return g.tokens.set(file) }

// answerPublisher answers what has come over NATS.
func (g *Gateway) answerPublisher(data []byte, answer func([]byte)) {
	g.publish(viaNATS, data, "", func(_ int, a publishAnswer) { answer(a.encode()) })
}

// The ways that a document comes, in metrics.
const (
	viaHTTP = "http"
	viaNATS = "nats"
)

func registerPublications(r *prometheus.Registry) *prometheus.CounterVec {
	published := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "realtime_publications_total", Help: "Events that programs asked this gateway to emit, by the way they came and the status of the answer.",
	}, []string{"via", "status"})
	r.MustRegister(published)
	return published
}

// listenForPrograms is nil where there is no token to let them in.
func listenForPrograms(o RunOptions) (net.Listener, error) {
	if o.APITokenFile == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", o.APIListen)
	if err != nil {
		return nil, fmt.Errorf("listen for programs: %w", err)
	}
	return l, nil
}

func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// readTokens is empty while the file is not there: the Secret may come later than the gateway, which serves clients meanwhile.
func readTokens(name string) []byte {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return data
}

func (g *Gateway) reloadTokens(file []byte) {
	if n := g.SetAPITokens(file); n > 0 {
		g.log.Info("programs can publish", "tokens", n)
		return
	}
	g.log.Error("the Secret of spec.api has no token: no program can publish over HTTP")
}
