// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestADocumentThatDoesNotArriveInTimeIsRefused(t *testing.T) {
	s := New(Options{Leaving: func() bool { return false }, Registerer: prometheus.NewRegistry()})
	s.SetTokens([]byte("secret"))
	web := httptest.NewUnstartedServer(s)
	web.Config.ReadTimeout = 50 * time.Millisecond
	web.Start()
	defer web.Close()
	body, program := net.Pipe() // nothing is written to it
	defer program.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, web.URL+revocationsPath, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestTimeout {
		t.Errorf("the answer is %s", resp.Status)
	}
	const want = `
# HELP realtime_revocation_requests_total Requests of programs to revoke tokens, by the way they came and the status of the answer.
# TYPE realtime_revocation_requests_total counter
realtime_revocation_requests_total{status="408",via="http"} 1
`
	if err := testutil.CollectAndCompare(s.revoked, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
