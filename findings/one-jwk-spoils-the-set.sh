#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# RFC 7517 section 5 has readers of a JWK set ignore keys that they do not understand, so that an issuer can
# add a new kind of key. Three Go libraries refuse the whole set instead: an issuer that publishes a key on
# secp256k1 (registered by RFC 8812) beside the one that signs locks all users out of services with go-jose
# or jwx, and one with another `use` than "sig" and "enc" (section 4.2 permits others) those with jwkset.
#
# Seen with go-jose 4.1.9, jwx 3.4.0 and jwkset 0.11.4. Fails if that changes.
set -euo pipefail
dir=$(mktemp -d)
trap 'chmod -R u+w "$dir" && rm -rf "$dir"' EXIT
cd "$dir"
go mod init example.com/case 2>/dev/null
cat > main.go <<'GO'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/MicahParks/jwkset"
	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// The keys are those of RFC 7517, appendix A.1, and the base point of secp256k1.
const (
	usual = `{"kty":"EC","crv":"P-256","kid":"1","use":"sig",
		"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`
	koblitz = `{"kty":"EC","crv":"secp256k1","kid":"2","use":"sig",
		"x":"eb5mfvncu6xVoGKVzocLBwKb_NstzijZWfKBWxb4F5g","y":"SDradyajxGVdpPv8DhEIqP0XtEimhVQZnEfQj_sQ1Lg"}`
	otherUse = `{"kty":"EC","crv":"P-256","kid":"3","use":"tls",
		"x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}`
)

func main() {
	for _, set := range []struct{ name, keys string }{
		{"the usual key", usual},
		{"the usual key and one on secp256k1", usual + "," + koblitz},
		{"the usual key and one for TLS", usual + "," + otherUse},
	} {
		data := []byte(`{"keys":[` + set.keys + `]}`)
		fmt.Printf("%s: go-jose %s, jwx %s, jwkset %s\n", set.name, goJose(data), jwx(data), micah(data))
	}
}

func goJose(data []byte) string {
	var set jose.JSONWebKeySet
	err := json.Unmarshal(data, &set)
	return said(len(set.Keys), err)
}

func jwx(data []byte) string {
	set, err := jwk.Parse(data)
	if err != nil {
		return said(0, err)
	}
	return said(set.Len(), nil)
}

func micah(data []byte) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(data) }))
	defer server.Close()
	storage, err := jwkset.NewStorageFromHTTP(server.URL, jwkset.HTTPClientStorageOptions{})
	if err != nil {
		return said(0, err)
	}
	keys, err := storage.KeyReadAll(context.Background())
	return said(len(keys), err)
}

func said(keys int, err error) string {
	if err != nil {
		return "refuses all"
	}
	return fmt.Sprintf("has %d", keys)
}
GO
go get github.com/go-jose/go-jose/v4@v4.1.9 github.com/lestrrat-go/jwx/v3@v3.4.0 github.com/MicahParks/jwkset@v0.11.4
seen=$(GOFLAGS=-mod=mod go run .)
echo "$seen"
diff <(echo "$seen") - <<'OUT'
the usual key: go-jose has 1, jwx has 1, jwkset has 1
the usual key and one on secp256k1: go-jose refuses all, jwx refuses all, jwkset has 1
the usual key and one for TLS: go-jose has 2, jwx has 2, jwkset refuses all
OUT
