// SPDX-License-Identifier: Apache-2.0

package refusals

import (
	"net/http/httptest"
	"testing"
	"time"
)

func TestAnswersAsTheReferenceImplementation(t *testing.T) {
	for name, test := range map[string]struct {
		answer                        *Answer
		upgrade                       bool
		status                        int
		contentType, retryAfter, body string
	}{
		"a request":     {BadRequest, false, 400, "application/json", "", `{"code":3,"message":"Bad request"}`},
		"a WebSocket":   {Draining, true, 503, "text/html", "1", "Server is shutting down"},
		"forbidden":     {Forbid(0, "", 0), false, 403, "application/json", "", `{"code":4,"message":"Forbidden"}`},
		"by the caller": {Forbid(401, "Who are you?", 1001*time.Millisecond), true, 401, "text/html", "2", "Who are you?"},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			test.answer.Write(w, test.upgrade)
			if w.Code != test.status || w.Body.String() != test.body ||
				w.Header().Get("Content-Type") != test.contentType || w.Header().Get("Retry-After") != test.retryAfter {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
		})
	}
	if Forbidden.Status != 403 || Forbidden.Message != "Forbidden" {
		t.Errorf("Forbid has changed the common answer: %+v", Forbidden)
	}
}
