// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/realtime-operator/realtime-operator/gateway/identity"
	"github.com/realtime-operator/realtime-operator/gateway/identity/keys"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jwttest"
)

// remote are the keys of a real issuer, which counts how often they are fetched.
func remote(t *testing.T, set []byte) (*keys.Lease, *httptest.Server, *atomic.Int64) {
	t.Helper()
	var fetches atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		w.Write(set)
	}))
	t.Cleanup(server.Close)
	lease, err := (&keys.Registry{}).Lease(keys.RemoteConfig{URL: server.URL, AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lease.Close)
	return lease, server, &fetches
}

func TestTokensWithUnknownKeysCauseTwoFetchesAtMost(t *testing.T) {
	lease, _, fetches := remote(t, jwttest.Set(t, p256Key()))
	v := newVerifier(t, lease)
	encode := base64.RawURLEncoding.EncodeToString
	claims, good := textOf(t, claimsWith(nil)), p256Key().Sign(t, "ES256", claimsWith(nil))
	var group sync.WaitGroup
	for worker := range 10 {
		group.Go(func() {
			for i := range 1000 {
				header := fmt.Sprintf(`{"alg":"ES256","kid":"unknown-%d-%d"}`, worker, i)
				token := encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode(make([]byte, 64))
				if _, err := v.Verify(t.Context(), token); codeOf(err) != identity.TokenInvalid {
					t.Errorf("error %v", err)
					return
				}
			}
		})
	}
	group.Wait()
	if n := fetches.Load(); n > 2 {
		t.Errorf("%d fetches for 10,000 unknown keys", n)
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Errorf("a good token afterwards: %v", err)
	}
}

func TestTokensAreVerifiedWhileTheIssuerIsDown(t *testing.T) {
	lease, server, _ := remote(t, jwttest.Set(t, p256Key()))
	v := newVerifier(t, lease)
	good := p256Key().Sign(t, "ES256", claimsWith(nil))
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Error(err)
	}
}

func TestATokenIsUnavailableBeforeThereAreKeys(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	lease, err := (&keys.Registry{}).Lease(keys.RemoteConfig{URL: server.URL, AllowHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	defer lease.Close()
	_, err = newVerifier(t, lease).Verify(t.Context(), p256Key().Sign(t, "ES256", claimsWith(nil)))
	if codeOf(err) != identity.Unavailable {
		t.Errorf("error %v", err)
	}
}

// A public key that a token brings along, or says where to find, is never asked for.
func TestNothingIsFetchedForAToken(t *testing.T) {
	var asked atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Write(jwttest.Set(t, otherKey()))
	}))
	defer elsewhere.Close()
	lease, _, fetches := remote(t, jwttest.Set(t, p256Key()))
	v := newVerifier(t, lease)
	for _, member := range []string{"jku", "x5u"} {
		header := fmt.Sprintf(`{"alg":"ES256","kid":"other",%q:%q}`, member, elsewhere.URL)
		if _, err := v.Verify(t.Context(), otherKey().SignText(t, "ES256", header, textOf(t, claimsWith(nil)))); codeOf(err) != identity.TokenInvalid {
			t.Errorf("error %v", err)
		}
	}
	if asked.Load() != 0 || fetches.Load() > 2 {
		t.Errorf("asked %d times elsewhere, and %d times the issuer", asked.Load(), fetches.Load())
	}
}
